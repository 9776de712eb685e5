//! Words a rule can mean without naming them: about billing, and that an answer did not help.

use std::sync::LazyLock;

use super::Keyword;

const BILLING: [&str; 46] = [
    "billing",
    "bill",
    "bills",
    "invoice*",
    "charge",
    "charged",
    "charges",
    "refund*",
    "payment*",
    "subscription*",
    "overcharge*",
    "chargeback*",
    "charge back",
    "rechnung*",
    "abrechnung*",
    "abbuchung*",
    "abgebucht",
    "erstattung*",
    "rückerstattung*",
    "erstatten",
    "zahlung*",
    "lastschrift*",
    "mahnung*",
    "gutschrift*",
    "facture*",
    "facturation",
    "remboursement*",
    "rembourser",
    "remboursez",
    "prélèvement*",
    "prélevé",
    "paiement*",
    "abonnement*",
    "factura*",
    "cobro*",
    "cobraron",
    "reembolso*",
    "pago",
    "pagos",
    "suscripción*",
    "fatura*",
    "cobrança*",
    "cobrado",
    "estorno*",
    "pagamento*",
    "assinatura*",
];

/// What people say to whom has not helped.
const FAILED: [&str; 56] = [
    "did not help",
    "didn't help",
    "doesn't help",
    "does not help",
    "not helpful",
    "didn't work",
    "did not work",
    "doesn't work",
    "does not work",
    "still not working",
    "still doesn't",
    "still not",
    "not what i asked",
    "not what i meant",
    "you don't understand",
    "you do not understand",
    "that's wrong",
    "that is wrong",
    "wrong answer",
    "i already told you",
    "i already tried",
    "third time",
    "useless",
    "hilft mir nicht",
    "hilft nicht",
    "hat nicht geholfen",
    "nicht geholfen",
    "geht immer noch nicht",
    "geht nicht",
    "funktioniert nicht",
    "funktioniert immer noch nicht",
    "das ist falsch",
    "das stimmt nicht",
    "habe ich schon versucht",
    "nicht gefragt",
    "verstehst mich nicht",
    "ne m'aide pas",
    "ça ne marche pas",
    "ne marche pas",
    "ne fonctionne pas",
    "toujours pas",
    "pas ce que j'ai demandé",
    "c'est faux",
    "ne comprenez pas",
    "no me ayuda",
    "no funciona",
    "sigue sin funcionar",
    "no es lo que pregunté",
    "no me entiende*",
    "ya lo intenté",
    "está mal",
    "não ajuda",
    "não ajudou",
    "não funciona",
    "não foi isso que perguntei",
    "já tentei",
];

fn keywords(words: &[&str]) -> Vec<Keyword> {
    words.iter().filter_map(|word| Keyword::new(word)).collect()
}

pub fn billing() -> &'static [Keyword] {
    static KEYWORDS: LazyLock<Vec<Keyword>> = LazyLock::new(|| keywords(&BILLING));
    &KEYWORDS
}

pub fn failed() -> &'static [Keyword] {
    static KEYWORDS: LazyLock<Vec<Keyword>> = LazyLock::new(|| keywords(&FAILED));
    &KEYWORDS
}
