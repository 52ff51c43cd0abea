"""What is wrong with one cell."""

from collections.abc import Mapping

from crm.importing.sentences.wording import Wording

CELLS: Mapping[str, Wording] = {
    "too_long": Wording(
        "The text has {length} characters; at most {limit} are allowed.",
        "Le texte compte {length} caractères ; {limit} au plus sont admis.",
    ),
    "url_too_long": Wording(
        "The address is longer than {limit} bytes.",
        "L’adresse dépasse {limit} octets.",
    ),
    "characters_lost": Wording(
        "Characters of “{value}” were lost before the file came here; export it again as UTF-8.",
        "Des caractères de « {value} » étaient déjà perdus dans le fichier ; exportez-le à nouveau"
        " en UTF-8.",
    ),
    "formula": Wording(
        "The cell looks like a formula; it is kept as plain text.",
        "La cellule ressemble à une formule ; elle est conservée comme simple texte.",
    ),
    "siren_invalid": Wording(
        "“{value}” is no valid SIREN: nine digits, of which the last one checks the others.",
        "« {value} » n’est pas un SIREN valide : neuf chiffres, dont une clé de contrôle.",
    ),
    "siren_is_siret": Wording(
        "“{value}” is a SIRET in the SIREN column.",
        "« {value} » est un SIRET dans la colonne du SIREN.",
    ),
    "siren_rounded": Wording(
        "“{value}” is a SIREN that a spreadsheet rounded; its digits are lost.",
        "« {value} » est un SIREN arrondi par un tableur ; ses chiffres sont perdus.",
    ),
    "siret_invalid": Wording(
        "“{value}” is no valid SIRET: fourteen digits, of which the last one checks the others.",
        "« {value} » n’est pas un SIRET valide : quatorze chiffres, dont une clé de contrôle.",
    ),
    "siret_rounded": Wording(
        "“{value}” is a SIRET that a spreadsheet rounded; its digits are lost.",
        "« {value} » est un SIRET arrondi par un tableur ; ses chiffres sont perdus.",
    ),
    "nic_invalid": Wording(
        "“{value}” is no NIC, the five digits that follow the SIREN in a SIRET.",
        "« {value} » n’est pas un NIC, les cinq chiffres qui suivent le SIREN dans un SIRET.",
    ),
    "naf_invalid": Wording(
        "“{value}” is no NAF code such as 62.01Z.",
        "« {value} » n’est pas un code NAF comme 62.01Z.",
    ),
    "naf_edition_unknown": Wording(
        "“{value}” is no edition of the NAF, such as NAFRev2 or NAF2025.",
        "« {value} » n’est pas une nomenclature de la NAF, comme NAFRev2 ou NAF2025.",
    ),
    "legal_form_invalid": Wording(
        "“{value}” is no legal form: four digits, such as 5710 for a SAS.",
        "« {value} » n’est pas une catégorie juridique : quatre chiffres, comme 5710 pour une SAS.",
    ),
    "category_unknown": Wording(
        "“{value}” is no category of companies: PME, ETI or GE.",
        "« {value} » n’est pas une catégorie d’entreprise : PME, ETI ou GE.",
    ),
    "state_unknown": Wording(
        "“{value}” is neither A (active) nor C (ceased).",
        "« {value} » n’est ni A (active) ni C (cessée).",
    ),
    "establishment_state_unknown": Wording(
        "“{value}” is neither A (open) nor F (closed).",
        "« {value} » n’est ni A (actif) ni F (fermé).",
    ),
    "diffusion_unknown": Wording(
        "“{value}” is neither O (open) nor P (opposed to prospecting).",
        "« {value} » n’est ni O (diffusible) ni P (opposée à la prospection).",
    ),
    "headcount_unknown": Wording(
        "“{value}” is no band of employees that INSEE uses, such as “6 - 9” or the code 03.",
        "« {value} » n’est pas une tranche d’effectif de l’Insee, comme « 6 - 9 » ou le code 03.",
    ),
    "department_unknown": Wording(
        "“{value}” is no code of a French department, such as 13, 2A or 974.",
        "« {value} » n’est pas un code de département, comme 13, 2A ou 974.",
    ),
    "commune_invalid": Wording(
        "“{value}” is no INSEE code of a commune, such as 13055.",
        "« {value} » n’est pas un code Insee de commune, comme 13055.",
    ),
    "country_unknown": Wording(
        "“{value}” is no country we know; write its two letters, such as BE.",
        "« {value} » n’est pas un pays connu ici ; indiquez ses deux lettres, comme BE.",
    ),
    "date_invalid": Wording(
        "“{value}” is no date such as 1999-12-31 or 31/12/1999.",
        "« {value} » n’est pas une date comme 31/12/1999 ou 1999-12-31.",
    ),
    "year_invalid": Wording(
        "“{value}” is no year.",
        "« {value} » n’est pas une année.",
    ),
    "number_invalid": Wording(
        "“{value}” is no whole number.",
        "« {value} » n’est pas un nombre entier.",
    ),
    "amount_invalid": Wording(
        "“{value}” is no amount in euros that can be read without doubt.",
        "« {value} » n’est pas un montant en euros lisible sans ambiguïté.",
    ),
    "percentage_invalid": Wording(
        "“{value}” is no percentage from 0 to 100.",
        "« {value} » n’est pas un pourcentage de 0 à 100.",
    ),
    "yes_no_unknown": Wording(
        "“{value}” is neither yes nor no.",
        "« {value} » n’est ni oui ni non.",
    ),
    "url_invalid": Wording(
        "“{value}” is no web address (http or https).",
        "« {value} » n’est pas une adresse web (http ou https).",
    ),
    "linkedin_invalid": Wording(
        "“{value}” is no page on LinkedIn.",
        "« {value} » n’est pas une page LinkedIn.",
    ),
    "domain_invalid": Wording(
        "“{value}” is no domain such as acme.fr.",
        "« {value} » n’est pas un nom de domaine comme acme.fr.",
    ),
    "phone_invalid": Wording(
        "“{value}” is no telephone number in use.",
        "« {value} » n’est pas un numéro de téléphone attribué.",
    ),
    "email_invalid": Wording(
        "“{value}” is no e-mail address.",
        "« {value} » n’est pas une adresse e-mail.",
    ),
    "email_not_ascii": Wording(
        "“{value}” has accents before the @; most mail servers refuse such an address.",
        "« {value} » contient des accents avant l’arobase ; la plupart des serveurs refusent une"
        " telle adresse.",
    ),
    "email_role": Wording(
        "“{value}” belongs to a role, not to a person.",
        "« {value} » est l’adresse d’une fonction, non d’une personne.",
    ),
    "email_free_mail": Wording(
        "“{value}” lies with a mail provider; its domain says nothing of the company.",
        "« {value} » est hébergée par un fournisseur grand public ; son domaine ne dit rien de"
        " l’entreprise.",
    ),
    "email_disposable": Wording(
        "“{value}” lies with a provider of throw-away addresses; nothing is sent there.",
        "« {value} » est une adresse jetable ; aucun message n’y est envoyé.",
    ),
    "email_never_written_to": Wording(
        "“{value}” is a mailbox for complaints or for machines; it is never written to.",
        "« {value} » est une boîte réservée aux réclamations ou aux automates ; on n’y écrit"
        " jamais.",
    ),
    "email_status_unknown": Wording(
        "The status “{value}” is not known; the address counts as unknown.",
        "Le statut « {value} » n’est pas connu ; l’adresse est tenue pour non vérifiée.",
    ),
}
