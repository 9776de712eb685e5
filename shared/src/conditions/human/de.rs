//! How people who write German ask for a human. Umlauts are written as `a` or as `ae`.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    sure: "mensch|menschen|(?:echte|richtige|lebende|menschliche|personliche|persoenliche)[nmrs]? (?:mensch|menschen|person|personen|\
           ansprechpartner(?:in)?|mitarbeiter(?:in)?|berater(?:in)?)",
    who: "mitarbeiter(?:in|innen|n)?|person|kollegen?|kollegin|berater(?:in|n)?|kundenberater(?:in)?|ansprechpartner(?:in)?|vorgesetzten?|\
          chef(?:in)?|support|kundenservice|kundendienst|service|jemandem|jemanden|operator|manager",
    the: "ein|eine|einen|einem|einer|ihre|ihrem|ihren|ihrer|eurem|euren|den|dem|der|die|das|irgendeinem|irgendeinen|jemandem|vom|\
          echte[nmrs]?|richtige[nmrs]?|bitte|mal",
    asks: &[
        "mit {the}{who}(?: [a-z]+){0,3} (?:sprechen|reden|schreiben|chatten|telefonieren|verbinden|verbunden)",
        "{the}{who} sprechen",
        "verbinde(?:n|t)?(?: sie)?(?: mich| uns)(?: bitte| jetzt| direkt)* mit {the}{who}",
        "mich(?: bitte)? (?:an|zu|zum|zur) {the}{who}(?: [a-z]+){0,2} (?:weiterleiten|weiter|durchstellen|durch|weitergeben)",
        "(?:gib|geben sie|gebt|hol|holen sie|holt|ruf|rufen sie|brauche|brauch|will|mochte|moechte|wunsche|hatte|haette)\
         (?: mir| uns| bitte| gern| gerne| mal| lieber)* {the}{sure}",
        "(?:hol|holen sie|holt)(?: mir| bitte| mal)* {the}{who} dazu",
        "hilfe von {the}{sure}",
        "(?:gib|geben sie) mir {the}{who}",
        "von {the}{who} (?:zuruckgerufen|zurueckgerufen|angerufen|beraten|betreut) werden",
        "(?:einen|eine) {who} haben",
        "(?:ist|gibt|sind)(?: s| es| da| hier| denn| auch)* {the}{sure}",
        "kann(?: mir| uns| da| mal| bitte| sich| hier)+ ein(?: echter| richtiger)? mensch",
        // A long way from the wish to whom it is about, if nobody can take that for something else.
        "(?:will|mochte|moechte|brauche|bitte|kann ich|verlange|hatte|haette|wunsche|konnen sie)(?: [a-z]+){0,8} (?:einen|einem|eine|einer) {sure}",
        "(?:verlange|fordere) (?:einen|eine|ihren) {who}",
        "ist(?: da| hier)* jemand (?:vom|aus dem|von) {who}",
        "(?:will|mochte|moechte|brauche)(?: bitte| jetzt| sofort)* (?:einen|eine) {who} \\|",
        "kann mich(?: bitte| mal)? (?:jemand|ein mitarbeiter|ein mensch)(?: bitte| mal)? (?:anrufen|zuruckrufen|zurueckrufen)",
        "mit wem kann ich(?: hier| bitte)* personlich (?:sprechen|reden)",
    ],
    // A bare Mensch before another clause is an exclamation.
    alone: &[
        "(?:ein|einen|eine|einem) {sure}",
        "(?:echte[nmr]?|richtige[nmr]?) (?:mensch|menschen|person)",
        "(?:ein |einen )?(?:mitarbeiter|kundenberater|menschlicher mitarbeiter)",
    ],
    polite: "bitte|hallo|aber|doch|mal|jetzt|sofort|danke|und|lieber",
    except: "(?:bist du|sind sie|bin ich|ob du|ob sie)(?: ein| eine| der| denn)* mensch(?:en)?",
    denies: "nicht|kein|keine|keinen|keinem|ohne|statt|nie|niemals",
    complains: "warum|wieso|weshalb|kann ich nicht|darf ich nicht",
};
