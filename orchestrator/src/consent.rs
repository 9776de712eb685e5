//! Opt-out and opt-in words: by a list, so that they work whatever the model thinks of them.
//!
//! Only a message that says nothing else counts: "stop the delivery" is a question for the agent.

/// What a person wants from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    NoMore,
    Again,
}

const WORDS: [(&str, Wish, usize); 22] = [
    ("stop", Wish::NoMore, 0),
    ("stop all", Wish::NoMore, 0),
    ("unsubscribe", Wish::NoMore, 0),
    ("opt out", Wish::NoMore, 0),
    ("start", Wish::Again, 0),
    ("unstop", Wish::Again, 0),
    ("subscribe", Wish::Again, 0),
    ("opt in", Wish::Again, 0),
    ("stopp", Wish::NoMore, 1),
    ("abmelden", Wish::NoMore, 1),
    ("abbestellen", Wish::NoMore, 1),
    ("anmelden", Wish::Again, 1),
    ("baja", Wish::NoMore, 2),
    ("alto", Wish::NoMore, 2),
    ("alta", Wish::Again, 2),
    ("parar", Wish::NoMore, 3),
    ("sair", Wish::NoMore, 3),
    ("descadastrar", Wish::NoMore, 3),
    ("voltar", Wish::Again, 3),
    ("arret", Wish::NoMore, 4),
    ("arrêt", Wish::NoMore, 4),
    ("reprendre", Wish::Again, 4),
];
/// In the word's language: what who wants no more is told, and what who is back is told.
const ANSWERS: [[&str; 2]; 5] = [
    [
        "You will get no more messages from us. Write START when you want to talk to us again.",
        "Welcome back. How can we help?",
    ],
    [
        "Sie bekommen keine Nachrichten mehr von uns. Schreiben Sie START, wenn Sie wieder mit uns sprechen möchten.",
        "Willkommen zurück. Wie können wir helfen?",
    ],
    [
        "No recibirá más mensajes nuestros. Escriba START si quiere volver a hablar con nosotros.",
        "Bienvenido de nuevo. ¿En qué podemos ayudarle?",
    ],
    [
        "Você não receberá mais mensagens nossas. Escreva START se quiser falar conosco de novo.",
        "Bem-vindo de volta. Como podemos ajudar?",
    ],
    [
        "Vous ne recevrez plus de messages de notre part. Écrivez START pour nous parler à nouveau.",
        "Bon retour. Comment pouvons-nous vous aider ?",
    ],
];
const LENGTH_MAX: usize = 40;

/// The wish of a message that is nothing else, and what to answer.
pub fn wish(text: &str) -> Option<(Wish, &'static str)> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let plain: String = text.chars().map(|letter| if letter.is_alphanumeric() { letter } else { ' ' }).collect();
    let words = plain.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, wish, language) = WORDS.iter().find(|(word, ..)| *word == words)?;
    Some((*wish, ANSWERS[*language][usize::from(*wish == Wish::Again)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_only_the_word_is_a_wish() {
        for text in ["STOP", "stop!", " Stop. ", "*STOP*", "Stopp", "ABMELDEN", "Baja", "sair", "Arrêt", "opt-out"]
        {
            assert_eq!(wish(text).map(|(wish, _)| wish), Some(Wish::NoMore), "{text}");
        }
        for text in ["START", "Start!", "anmelden", "ALTA", "voltar", "reprendre"] {
            assert_eq!(wish(text).map(|(wish, _)| wish), Some(Wish::Again), "{text}");
        }
        assert!(wish("ABMELDEN").is_some_and(|(_, answer)| answer.starts_with("Sie bekommen")));
    }

    #[test]
    fn a_message_that_says_more_is_the_agents() {
        for text in
            ["", "stop the delivery", "please start the order", "bus stop", "stop stop", "don't stop", "startup"]
        {
            assert_eq!(wish(text), None, "{text}");
        }
    }
}
