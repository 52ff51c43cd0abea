"""What people and machines write in answers, in French and English, as tables of patterns.

Every pattern but the HTML ones is matched against folded text (see `replies.fold`): no accents,
lower case, plain spaces and apostrophes.
"""

import re

type Pattern = re.Pattern[str]


def _any(*alternatives: str) -> Pattern:
    return re.compile("|".join(f"(?:{one})" for one in alternatives))


# --- where a quoted message begins ---------------------------------------------------------------

ATTRIBUTION_START = re.compile(r"(?:le|on)\s")
ATTRIBUTION = re.compile(r"(?:le\s.{4,400}\sa ecrit\s?:|on\s.{4,400}\swrote\s?:)")
ATTRIBUTION_ALONE = _any(
    r"\S+@\S+ (?:a ecrit|wrote)\s?:$",
    r"\d{4}-\d\d-\d\d \d\d:\d\d.{1,200}<\S+@\S+>\s?:$",
)
SEPARATOR = re.compile(
    r"-{2,}\s*(?:message d'origine|message original|message initial|original message"
    r"|message transfere|forwarded message|reponse d'origine)\s*-{2,}"
    r"|debut du message (?:reexpedie|transfere)\s?:|begin forwarded message\s?:"
)
HEADER_FROM = re.compile(r"(?:de|from)\s?:\s*\S")
HEADER_OTHER = re.compile(r"(envoye|sent|date|a|to|cc|objet|subject)\s?(?:le\s?)?:")
RULER = re.compile(r"_{10,}|--")
DROPPED_LINE = _any(
    r"\s*>",
    r"\s*envoye (?:de mon|depuis mon|depuis l'application|a partir d|via)",
    r"\s*sent from (?:my|outlook|mail)",
    r"\s*(?:obtenir|telecharge[rz]?|obtenez|get) (?:outlook|boxer|bluemail)\b",
    r"\s*provenance : courrier",
)

# --- our own footer, quoted back without a mark --------------------------------------------------

FOOTER_SURE = _any(
    r"(?:vous recevez ce|vous avez recu ce|vous etes destinataire de ce).{0,300}"
    r"(?:car|parce que|dans le cadre)",
    r"you(?: are|'re)? receiv(?:e|ed|ing) this.{0,300}because",
    r"<?https?://\S+/u/\S+>?$",
)
FOOTER_START = _any(
    r"pour (?:ne plus recevoir|vous desinscrire|vous desabonner|vous opposer)",
    r"si vous ne (?:souhaitez|desirez|voulez) plus",
    r"(?:se desinscrire|se desabonner|desinscription|me desinscrire|unsubscribe)\s?:",
    r"(?:to|if you)\b.{0,40}\b(?:unsubscribe|stop receiving|prefer not to|no longer wish)",
)
FOOTER_LINK = _any(r"https?://", r"\brepondez\b", r"\breply\b", r"\bcliquez\b", r"\bclick\b")

# --- HTML ----------------------------------------------------------------------------------------

HTML_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]{0,40})([^<>]*)>")
HTML_BLOCKS = frozenset(
    ("p", "div", "br", "tr", "li", "table", "ul", "ol", "blockquote", "h1", "h2", "h3", "hr", "pre")
)
HTML_HIDDEN = frozenset(("style", "script", "head", "title", "blockquote", "template"))
HTML_QUOTE = re.compile(
    r"\b(?:gmail_quote|gmail_attr|yahoo_quoted|moz-cite-prefix|protonmail_quote)"
)
HTML_ORIGINAL = re.compile(r"divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|reply-intro")

# --- machines: headers that say so (RFC 3834 first, then what ticket systems really send) --------

AUTOMATIC_HEADERS: tuple[tuple[str, Pattern], ...] = (
    ("Auto-Submitted", re.compile(r"(?!\s*no\b)\s*\S")),
    ("X-Autoreply", re.compile(r"(?!\s*no\b)")),
    ("X-Autorespond", re.compile(r"")),
    ("X-Autoresponder", re.compile(r"")),
    ("X-Auto-Reply-From", re.compile(r"")),
    ("Precedence", re.compile(r"\s*(?:auto[_-]reply|bulk|junk|list)\b")),
    ("X-Precedence", re.compile(r"\s*(?:auto[_-]reply|bulk|junk|list)\b")),
    ("Delivered-To", re.compile(r"\s*autoresponder\b")),
    ("List-Id", re.compile(r"")),
    ("Return-Path", re.compile(r"\s*<\s*>")),
)
SUPPRESSES_ANSWERS = "X-Auto-Response-Suppress"

SUBJECT_AUTOMATIC = re.compile(
    r"\s*(?:\[?auto\]?\s?:|\[auto\]|reponse automatique|automatic reply|auto(?:matic)? ?-?response"
    r"|auto-?reply|out of (?:the )?office|absence du bureau|message d'absence"
    r"|notification d'absence|accuse de reception|automatische antwort)"
)
SUBJECT_ABSENCE = re.compile(
    r"\s*(?:absente?\b|absence\b|en conges?\b|conges?\b|vacances\b|fermeture\b|indisponible\b"
    r"|ooo\b|away\b|on (?:annual )?leave\b|on vacation\b|on holiday\b|demande d'authentification)"
)

# --- automatic answers: what they say ------------------------------------------------------------

CHALLENGE = _any(
    r"mailinblack",
    r"demande d'authentification",
    r"(?:vous|please) authentif\w+|authentifiez-vous|vous authentifier",
    r"n'etes pas un robot|are not a robot|prove you are human",
    r"(?:debloquer|liberer|delivrer) votre (?:message|e-?mail|mail)",
    r"confirm (?:that )?you(?:'re| are) (?:a )?human",
)
CHALLENGE_SURE = _any(
    r"mailinblack",
    r"demande d'authentification",
    r"(?:debloquer|liberer) votre (?:message|e-?mail)",
)

LEFT_COMPANY = _any(
    r"\b(?:a|ai|avons|aura) quitte (?:l'entreprise|l'agence|l'association|la societe|le groupe"
    r"|le cabinet|ses fonctions|mes fonctions|notre (?:societe|entreprise|equipe|agence))",
    r"\bne (?:fait|fais) (?:desormais )?plus partie",
    r"\bn'exerce plus",
    r"\bne (?:travaille|travail) plus (?:chez|pour|dans|au sein|ici|parmi|a la|avec nous)",
    r"\b(?:a|ai) (?:fait valoir (?:ses|mes) droits a la retraite|pris (?:sa|ma) retraite)",
    r"\b(?:est|suis) (?:partie? (?:a la|en)|a la|desormais a la) retraite",
    r"\bn'est plus (?:dans|au sein de|parmi) (?:l'entreprise|la societe|nos effectifs|nous)",
    r"\b(?:has|have|'ve) left (?:the|our) (?:company|organi[sz]ation|team|firm|business)",
    r"\b(?:is|am|'m) no longer (?:with|employed|working|part of|at (?:the|our))\b",
    r"\bno longer works? (?:at|for|here|with)\b",
)

ADDRESS_CHANGED = _any(
    r"\b(?:cette|mon|notre|l')\s?(?:adresse|boite)(?: [\w-]+){0,3} n'est (?:desormais )?plus"
    r" (?:utilisee|valide|active|consultee|relevee|en service|lue)",
    r"\bnouvelle adresse(?: de)? (?:e-?mail|mail|messagerie|electronique|courriel)",
    r"\bma nouvelle adresse\b",
    r"\bjoindre desormais (?:a|sur) l'adresse",
    r"\bthis (?:e-?mail )?(?:address|mailbox) is no longer (?:in use|used|valid|active|monitored)",
    r"\bmy new e-?mail address",
)

ABSENCE = _any(
    r"\b(?:je suis|nous sommes|est|etant) (?:actuellement |en ce moment |egalement )?"
    r"(?:absente?s?|en (?:conges?|deplacement|formation|arret|vacances|repos)\b|indisponibles?)",
    r"\bje (?:suis|serai) (?:absente?|indisponible|de retour|en conges?|en deplacement)",
    r"\bde retour (?:au bureau )?(?:le|a partir|des|au|lundi|mardi|mercredi|jeudi|vendredi)\b",
    r"\b(?:en|pendant|durant) mon absence\b",
    r"\bacces (?:tres )?limite a (?:mes|ma|la) (?:e-?mails?|mails?|messages?|messagerie|boite)",
    r"\bsans acces a (?:ma messagerie|mes mails|mes e-?mails)",
    r"\ben (?:conges?|deplacement|formation|arret|vacances) (?:jusqu'|du \d|depuis le|a partir)",
    r"\bnous (?:sommes|serons) (?:actuellement |exceptionnellement )?ferme(?:s|es)?\b",
    r"\b(?:nos bureaux|nos locaux|l'entreprise|l'agence|la societe|notre \w+|le cabinet) "
    r"(?:sont|seront|sera|est) (?:actuellement |exceptionnellement )?fermee?s?",
    r"\bvotre (?:message|mail|e-?mail) ne sera (?:pas|ni) (?:lu|transfere|transmis|redirige)",
    r"\brepondrai (?:a votre message |a votre mail )?(?:a|des|au) mon retour",
    r"\b(?:des|a) mon retour\b",
    r"\babsente? (?:du bureau |pour conges? )?(?:jusqu'au|du \d|ce jour|aujourd'hui)",
    r"\bfermeture (?:annuelle|estivale|exceptionnelle|hivernale)\b",
    r"\bout of (?:the )?office\b",
    r"\b(?:i am|i'm|i will be|i'll be|we are) (?:currently )?"
    r"(?:away|on (?:\w+ )?(?:leave|vacation|holidays?)|travell?ing|unavailable)\b",
    r"\b(?:limited|no) access to (?:my )?(?:e-?mails?|messages)",
    r"\b(?:on|upon|when) (?:my|i) return\b",
    r"\bin my absence\b",
    r"\b(?:i will|i'll) (?:be back|return)\b",
)
NOT_AN_ABSENCE = _any(
    r"\b(?:n'est|ne suis|n'etes) pas (?:absente?|en conges?|en deplacement)", r'"[^"]{0,500}"'
)

ACKNOWLEDGEMENT = _any(
    r"\bvotre (?:demande|message|mail|e-?mail|candidature|courriel) a bien ete"
    r" (?:recue?|prise? en compte|enregistree?)",
    r"\bnous avons bien recu votre",
    r"\b(?:votre )?(?:ticket|dossier|demande) (?:n[o°]|numero|#)",
    r"\bnumero de (?:dossier|ticket)\b",
    r"\bceci est un (?:message|e-?mail|mail) automatique",
    r"\bmerci de ne pas repondre\b",
    r"\baccuse de reception\b",
    r"\bwe (?:have )?received your (?:message|request|e-?mail|enquiry)",
    r"\bthank you for (?:contacting|your (?:message|e-?mail|enquiry))",
    r"\b(?:your )?(?:ticket|case|request) (?:id|number|#)",
    r"\bdo not reply to this\b",
)

# --- objections ----------------------------------------------------------------------------------

_MAILS = (
    r"(?:(?:de |des |d'|les |vos |ces |aucun |un )*(?:e-?mails?|mails?|messages?|courriels?"
    r"|sollicitations?|prospection|relances?|spams?))"
)

OBJECTION_CLEAR = _any(
    r"\b(?:desinscri\w*|desabonn\w*|retire[rz]?|supprime[rz]?|enleve[rz]?|efface[rz]?|raye[rz]?)"
    r"[- ](?:moi|nous|mes|mon adresse|notre adresse|mon e-?mail|mon mail|mon nom)\b",
    r"\b(?:me|nous) (?:desinscri|desabonn)\w*",
    r"\b(?:me|nous|m') ?(?:retirer|supprimer|enlever|effacer|rayer) (?:de|des|du)\b",
    r"\bje me (?:desinscri|desabonn)\w*",
    r"\bne (?:me|nous) (?:contactez|ecrivez|relancez|sollicitez|envoyez|derangez|demarchez) plus",
    r"\b(?:arrete[rz]?|cesse[rz]?|stoppe[rz]?) (?:immediatement )?(?:de|d') ?(?:me|nous|m')\b",
    r"\b(?:arrete[rz]?|cesse[rz]?|stoppe[rz]?|stop(?: a| aux)?) " + _MAILS,
    r"\bne plus (?:(?:me|nous|m'|etre) ?)?"
    r"(?:recevoir|contacte|sollicite|relance|envoye|ecri|demarche)",
    r"\bne (?:souhait|veu|voul|desir)\w* (?:plus|pas) (?:recevoir|etre (?:re)?(?:contacte|sollicite"
    r"|demarche|relance|ajoute)|(?:de |d'|vos )+(?:e-?mails?|mails?|messages?))",
    r"\bje m'oppose\b|\bnous nous opposons\b|\bexerce mon droit (?:d'opposition|a l'effacement)",
    r"\b(?:unsubscribe|remove|delete) (?:me|us|my (?:e-?mail|address|data|name))\b",
    r"\btake (?:me|us) off\b",
    r"\bstop (?:e-?mailing|contacting|sending|writing|spamming|messaging)\b",
    r"\b(?:do not|don't|never) (?:contact|e-?mail|write(?: to)?|message|send|solicit) (?:me|us)\b",
    r"\bopt(?:ing)? (?:me |us )?out\b",
    r"\bno longer (?:wish|want) to (?:receive|be contacted)",
)
OBJECTION_WORD = _any(
    r"\bdesinscri\w*", r"\bdesabonn\w*", r"(?<!non[- ])(?<!one[- ])\bstop\b", r"\bunsubscribe\w*",
    r"\beffacement\b", r"\bopt-?out\b",
)  # fmt: skip
OBJECTION_TOPIC = _any(
    r"\bopposition\b", r"\brgpd\b", r"\bgdpr\b", r"\bcnil\b", r"\beffacement\b", r"\bspams?\b",
    r"\bne (?:souhaite|souhaitons|veux|desire) plus\b", r"\bharcel\w+",
    r"\bdemarchage\b", r"\bdonnees personnelles\b", r"\bpersonal data\b",
)  # fmt: skip
ACCESS_REQUEST = _any(
    r"\bd'ou (?:tenez|avez|vient|sort|provien\w+)[- ]",
    r"\b(?:comment|ou) (?:avez|aviez)[- ]vous (?:eu|obtenu|trouve|recupere)",
    r"\b(?:origine|provenance|source) de (?:mes|ces) (?:donnees|coordonnees|informations)",
    r"\bdroit d'acces\b",
    r"\bhow did you (?:get|find|obtain) my\b|\bwhere did you (?:get|find|obtain) my\b",
)
NOT_AN_OBJECTION = _any(
    r"\b(?:pas|aucune|sans|nulle) (?:d')?opposition\b",
    r"\b(?:ne (?:me|nous) (?:desinscri\w+|desabonn\w+|supprimez|retirez) (?:surtout )?pas)\b",
    r"\bdans l'opposition\b",
    r"\b(?:do not|don't) (?:unsubscribe|remove) (?:me|us)\b",
)
SUBJECT_OBJECTION = re.compile(
    r"\s*(?:unsubscribe|desinscription|desabonnement|desinscrire|se desinscrire|me desinscrire"
    r"|stop|remove me|opposition)\s*[.!:]*\s*(?:[\w-]{16,})?\s*$"
)
SHORT_REPLY_WORDS = 12

# --- bounces that follow no standard -------------------------------------------------------------

DAEMON = re.compile(r"(?:mailer-?daemon|postmaster|microsoftexchange\w*|mail-?delivery[\w-]*)@")
SUBJECT_BOUNCE = re.compile(
    r"\s*(?:undeliver(?:ed|able)|delivery (?:status notification|failure|has failed)|returned mail"
    r"|mail delivery (?:failed|failure|system)|failure notice"
    r"|message non (?:distribue|delivre|remis)"
    r"|non remis|echec de (?:la )?(?:remise|distribution|livraison)|non-?remise|non distribuable"
    r"|retour a l'expediteur|avis de non-?remise|courrier non remis|mail system error)"
)
SUBJECT_DELAYED = re.compile(
    r".{0,40}\b(?:delay(?:ed)?|retardee?|retard de remise|still undelivered|warning: message)\b"
)
BODY_DELAYED = re.compile(
    r"\b(?:this is a warning message only|you do not need to resend|has been delayed"
    r"|will (?:continue|keep) (?:to try|trying)|remise a ete retardee|il s'agit d'un avertissement)"
)
QUOTED_HEADERS = re.compile(
    r"^\s*(?:received|return-path|dkim-signature|original message headers"
    r"|en-tetes du message d'origine"
    r"|-{2,}.{0,20}(?:original|message|copy|copie).{0,60})\s?:?",
    re.MULTILINE,
)
