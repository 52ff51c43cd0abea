"""Why a column is suggested to become what it becomes."""

from collections.abc import Mapping

from crm.importing.sentences.wording import Wording

COLUMNS: Mapping[str, Wording] = {
    "column_exact": Wording(
        "Files of this kind give the field exactly this name.",
        "Les fichiers de ce type donnent exactement ce nom au champ.",
    ),
    "column_alias": Wording(
        "This is a known other name of the field.",
        "C’est un autre nom connu du champ.",
    ),
    "column_beside_first_name": Wording(
        "Beside a column of first names, this one holds the last names.",
        "À côté d’une colonne de prénoms, celle-ci contient les noms de famille.",
    ),
    "column_chosen": Wording(
        "Somebody chose this.",
        "Ce choix a été fait à la main.",
    ),
    "column_unknown": Wording(
        "The name is not known; the cells are kept with the row.",
        "Ce nom n’est pas connu ; les cellules sont conservées avec la ligne.",
    ),
    "column_of_refused_rows": Wording(
        "The file of refused rows added this column; it says nothing of the prospect.",
        "Le fichier des lignes refusées a ajouté cette colonne ; elle ne dit rien du prospect.",
    ),
    "kept_no_field": Wording(
        "There is no field for this; the cells are kept with the row.",
        "Il n’existe pas de champ pour cela ; les cellules sont conservées avec la ligne.",
    ),
    "kept_ambiguous": Wording(
        "This name can mean several things; the cells are kept until somebody says which.",
        "Ce nom peut avoir plusieurs sens ; les cellules sont conservées tant que personne ne l’a"
        " précisé.",
    ),
    "kept_home_city": Wording(
        "It is where the person lives, not where the company is; the cells are kept with the row.",
        "C’est la ville où vit la personne, non celle de l’entreprise ; les cellules sont"
        " conservées avec la ligne.",
    ),
    "kept_work_department": Wording(
        "It is the person’s department in the company, not the French one of the postcode; the"
        " cells are kept with the row.",
        "C’est le service de la personne dans l’entreprise, non le département du code postal ; les"
        " cellules sont conservées avec la ligne.",
    ),
    "ignored_other_system": Wording(
        "It is a key of another system and means nothing here.",
        "C’est un identifiant d’un autre système, sans signification ici.",
    ),
    "ignored_second_copy": Wording(
        "Another column says the same better.",
        "Une autre colonne dit la même chose, en mieux.",
    ),
    "ignored_number_origin": Wording(
        "It only says where the telephone number was found.",
        "Elle indique seulement où le numéro de téléphone a été trouvé.",
    ),
    "ignored_bookkeeping": Wording(
        "It is the register’s own bookkeeping.",
        "C’est une donnée de gestion du répertoire Sirene.",
    ),
    "ignored_private": Wording(
        "It is a private detail that prospecting does not need.",
        "C’est une donnée personnelle dont la prospection n’a pas besoin.",
    ),
    "ignored_further_name": Wording(
        "It is a second or third name; the first one is taken.",
        "C’est un deuxième ou un troisième nom ; le premier est repris.",
    ),
    "ignored_establishment": Wording(
        "It speaks of the establishment, not of the company.",
        "Elle concerne l’établissement, non l’entreprise.",
    ),
    "ignored_second_address": Wording(
        "It belongs to the establishment’s second address; the first one counts.",
        "Elle fait partie de la seconde adresse de l’établissement ; c’est la première qui compte.",
    ),
}
