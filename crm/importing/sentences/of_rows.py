"""What is wrong with a row as a whole, or between it and what is known already."""

from collections.abc import Mapping

from crm.importing.sentences.wording import Wording

ROWS: Mapping[str, Wording] = {
    "cells_shifted": Wording(
        "The row has {cells:cell|cells}, the header has {columns}; a separator or a quote is"
        " missing or too many.",
        "La ligne compte {cells:cellule|cellules}, l’en-tête {columns} ; un séparateur ou un"
        " guillemet manque ou est en trop.",
    ),
    "company_name_missing": Wording(
        "The company has no name.",
        "L’entreprise n’a pas de nom.",
    ),
    "company_unidentified": Wording(
        "The row names no SIREN by which its company could be told.",
        "La ligne n’indique pas de SIREN qui permette d’identifier l’entreprise.",
    ),
    "company_without_name": Wording(
        "The row does not tell the company’s name; until another does, it is called by its SIREN.",
        "La ligne n’indique pas le nom de l’entreprise ; à défaut d’une autre, elle est désignée"
        " par son SIREN.",
    ),
    "company_opposed": Wording(
        "The register says that the company opposes prospecting; nobody there is written to.",
        "Selon le répertoire Sirene, l’entreprise s’oppose à la prospection ; personne n’y est"
        " contacté.",
    ),
    "address_hidden": Wording(
        "The register hides this address: the company opposes prospecting.",
        "Le répertoire Sirene masque cette adresse : l’entreprise s’oppose à la prospection.",
    ),
    "not_head_office": Wording(
        "The establishment {siret} is not the head office; only its company is taken in, called by"
        " its SIREN where no name is known.",
        "L’établissement {siret} n’est pas le siège ; seule son entreprise est reprise, sous son"
        " SIREN si aucun nom n’est connu.",
    ),
    "establishment_closed": Wording(
        "The establishment {siret} is closed; only its company is taken in, called by its SIREN"
        " where no name is known.",
        "L’établissement {siret} est fermé ; seule son entreprise est reprise, sous son SIREN si"
        " aucun nom n’est connu.",
    ),
    "company_closed": Wording(
        "The register says that the company has ceased its activity.",
        "Selon le répertoire Sirene, l’entreprise a cessé son activité.",
    ),
    "siret_of_another_siren": Wording(
        "The SIRET {siret} does not belong to the SIREN {siren}; it is left out.",
        "Le SIRET {siret} ne correspond pas au SIREN {siren} ; il n’est pas repris.",
    ),
    "founding_differs": Wording(
        "The year of foundation ({year}) differs from the date ({day:day}); the date counts.",
        "L’année de création ({year}) diffère de la date ({day:day}) ; c’est la date qui compte.",
    ),
    "email_missing": Wording(
        "The row has no e-mail address.",
        "La ligne n’a pas d’adresse e-mail.",
    ),
    "duplicate_address": Wording(
        "Row {row} has the address “{value}” already.",
        "La ligne {row} contient déjà l’adresse « {value} ».",
    ),
    "duplicate_person": Wording(
        "Row {row} has this person in this company already; this one filled gaps.",
        "La ligne {row} contient déjà cette personne dans cette entreprise ; celle-ci a complété"
        " les champs vides.",
    ),
    "company_named_otherwise": Wording(
        "The address is known as one of “{name}”: that name stays, “{value}” is left out.",
        "L’adresse est connue comme étant celle de « {name} » : ce nom reste, « {value} » n’est"
        " pas repris.",
    ),
    "address_of_another": Wording(
        "The address “{value}” belongs to {person}.",
        "L’adresse « {value} » appartient déjà à {person}.",
    ),
    "suppressed_address": Wording(
        "“{value}” is on your suppression list; it is never written to.",
        "« {value} » figure sur votre liste d’opposition ; on n’y écrit jamais.",
    ),
    "suppressed_domain": Wording(
        "The domain {domain} is on your suppression list; nobody there is written to.",
        "Le domaine {domain} figure sur votre liste d’opposition ; personne n’y est contacté.",
    ),
    "already_in_campaign": Wording(
        "“{value}” has been in the campaign “{campaign}” since {day:day}.",
        "« {value} » fait partie de la campagne « {campaign} » depuis le {day:day}.",
    ),
    "recently_contacted": Wording(
        "“{value}” got a mail of the campaign “{campaign}” {days:day|days} ago.",
        "« {value} » a reçu un message de la campagne « {campaign} » il y a {days:jour|jours}.",
    ),
    "hand_edited_kept": Wording(
        "The field “{field:label}” was changed by hand and stays as it is; the file has “{value}”.",
        "Le champ « {field:label} » a été modifié à la main et reste tel quel ; le fichier indique"
        " « {value} ».",
    ),
    "encoding_guessed": Wording(
        "The file does not say how its letters are written; it was read as {encoding}. Check the"
        " accents.",
        "Le fichier n’indique pas son encodage ; il a été lu en {encoding}. Vérifiez les accents.",
    ),
}
