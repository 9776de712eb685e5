//! What people hear from us instead of from a model, in their language.

use shared::{
    conditions::{Language, Plain},
    db::{messages::AuthorKind, runs::Opening},
};

use crate::prompt::Prompt;

/// A sentence of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// There is no answer.
    Apology,
    /// There is no money for an answer; who it is handed to is on record.
    OutOfBudget,
    /// Below what was said before a model failed.
    BrokenOff,
    /// Below what was said before the money was gone.
    BrokenOffForMoney,
    HandedOver,
    /// The subscription is not in order.
    Paused,
    /// Once in a conversation for everything beyond the plan's answers of a month.
    UsedUp,
    CanNotListen,
    /// Once for everything that waited too long in a conversation. What follows is answered as ever.
    Away,
}

/// What somebody reads who writes that language.
type Table = [&'static str; 9];

const ENGLISH: Table = [
    "Sorry, I could not work out an answer just now. Your message is stored; please ask me again in a moment, or ask a \
     colleague if it is urgent.",
    "I can't answer this: the budget for my answers is used up for now. I have asked a colleague to take over here.",
    "I could not finish this answer. Please ask me again in a moment.",
    "I can't finish this answer: the budget for my answers is used up for now. I have asked a colleague to take over here.",
    "I have asked a colleague to take over here.",
    "I'm paused at the moment and can't answer. Whoever looks after me here has been told.",
    "I can't answer more messages this month. What you write is kept, and my colleagues here can see it.",
    "I can't listen to voice messages. Please write it to me as a text.",
    "I was away and see this only now. Is it still open? Then tell me, and I'll answer.",
];
const GERMAN: Table = [
    "Entschuldigung, darauf habe ich gerade keine Antwort zustande gebracht. Ihre Nachricht ist gespeichert; bitte fragen Sie gleich \
     noch einmal, oder bei Eile jemanden aus dem Team.",
    "Das kann ich nicht beantworten: Das Budget für meine Antworten ist vorerst aufgebraucht. Ich habe jemanden aus dem Team gebeten, \
     hier zu übernehmen.",
    "Ich konnte diese Antwort nicht beenden. Bitte fragen Sie gleich noch einmal.",
    "Ich kann diese Antwort nicht beenden: Das Budget für meine Antworten ist vorerst aufgebraucht. Ich habe jemanden aus dem Team \
     gebeten, hier zu übernehmen.",
    "Ich habe jemanden aus dem Team gebeten, hier zu übernehmen.",
    "Ich mache gerade Pause und kann nicht antworten. Wer sich hier um mich kümmert, weiß Bescheid.",
    "In diesem Monat kann ich keine weiteren Nachrichten beantworten. Was Sie schreiben, bleibt erhalten, und das Team hier kann es \
     sehen.",
    "Sprachnachrichten kann ich nicht anhören. Bitte schreiben Sie es mir als Text.",
    "Ich war weg und sehe das erst jetzt. Ist es noch offen? Dann sagen Sie es mir, und ich antworte.",
];
const FRENCH: Table = [
    "Désolé, je n'ai pas pu trouver de réponse. Votre message est enregistré ; reposez-moi la question dans un instant, ou \
     adressez-vous à un collègue si c'est urgent.",
    "Je ne peux pas répondre : le budget de mes réponses est épuisé pour l'instant. J'ai demandé à un collègue de prendre le relais.",
    "Je n'ai pas pu terminer cette réponse. Reposez-moi la question dans un instant.",
    "Je ne peux pas terminer cette réponse : le budget de mes réponses est épuisé pour l'instant. J'ai demandé à un collègue de \
     prendre le relais.",
    "J'ai demandé à un collègue de prendre le relais ici.",
    "Je suis en pause et ne peux pas répondre. La personne qui s'occupe de moi ici a été prévenue.",
    "Je ne peux plus répondre aux messages ce mois-ci. Ce que vous écrivez est conservé, et mes collègues peuvent le voir.",
    "Je ne peux pas écouter les messages vocaux. Merci de me l'écrire.",
    "J'étais absent et ne vois cela que maintenant. Est-ce toujours d'actualité ? Dites-le-moi, et je répondrai.",
];
const SPANISH: Table = [
    "Lo siento, no he podido dar con una respuesta. Su mensaje está guardado; pregúnteme de nuevo en un momento, o a un compañero si \
     es urgente.",
    "No puedo responder a esto: el presupuesto para mis respuestas se ha agotado por ahora. He pedido a un compañero que continúe aquí.",
    "No he podido terminar esta respuesta. Pregúnteme de nuevo en un momento.",
    "No puedo terminar esta respuesta: el presupuesto para mis respuestas se ha agotado por ahora. He pedido a un compañero que \
     continúe aquí.",
    "He pedido a un compañero que continúe aquí.",
    "Estoy en pausa y no puedo responder. Quien se ocupa de mí aquí ya lo sabe.",
    "Este mes no puedo responder a más mensajes. Lo que escriba queda guardado, y mis compañeros pueden verlo.",
    "No puedo escuchar mensajes de voz. Por favor, escríbamelo.",
    "Estaba ausente y veo esto solo ahora. ¿Sigue pendiente? Dígamelo y le respondo.",
];
const PORTUGUESE: Table = [
    "Desculpe, não consegui encontrar uma resposta. A sua mensagem está guardada; pergunte-me de novo daqui a pouco, ou a um colega se \
     for urgente.",
    "Não posso responder a isto: o orçamento para as minhas respostas está esgotado por agora. Pedi a um colega que continue aqui.",
    "Não consegui terminar esta resposta. Pergunte-me de novo daqui a pouco.",
    "Não posso terminar esta resposta: o orçamento para as minhas respostas está esgotado por agora. Pedi a um colega que continue \
     aqui.",
    "Pedi a um colega que continue aqui.",
    "Estou em pausa e não posso responder. Quem cuida de mim aqui já foi avisado.",
    "Este mês não posso responder a mais mensagens. O que escrever fica guardado, e os meus colegas podem vê-lo.",
    "Não consigo ouvir mensagens de voz. Por favor, escreva-me.",
    "Estive ausente e só agora vejo isto. Ainda está em aberto? Diga-me e eu respondo.",
];

impl Saying {
    pub fn in_language(self, language: Language) -> &'static str {
        let table = match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
            Language::French => &FRENCH,
            Language::Spanish => &SPANISH,
            Language::Portuguese => &PORTUGUESE,
        };
        table[self as usize]
    }

    /// For whoever is answered.
    pub fn to(self, opening: &Opening) -> &'static str {
        self.in_language(language(opening))
    }

    /// Whether it was said so, in whatever language.
    pub fn begins(self, said: &str) -> bool {
        Language::ALL.iter().any(|language| said.starts_with(self.in_language(*language)))
    }

    /// As a remark below something else.
    pub fn below(self, opening: &Opening) -> String {
        format!("\n\n_({})_", self.to(opening))
    }
}

/// The language of whoever is answered: that of their newest words that tell, if it is one the agents speak, or else the main one.
pub fn language(opening: &Opening) -> Language {
    let spoken = opening.languages.as_deref().unwrap_or(&Language::ALL);
    let waiting = opening.pending.iter().rev().map(|pending| pending.message.text.as_str());
    let before = opening.window.iter().rev().filter(|line| line.author_kind == AuthorKind::Person);
    let heard = waiting
        .chain(before.map(|line| line.body.as_str()))
        .find_map(|text| Language::of(&Plain::new(text)))
        .filter(|language| spoken.contains(language));
    heard.or_else(|| spoken.first().copied()).unwrap_or(Language::English)
}

/// Tells the model, where somebody said what the agents speak.
pub fn instruct(prompt: &mut Prompt, spoken: Option<&[Language]>) {
    let names: Vec<&str> = spoken.unwrap_or_default().iter().map(|language| language.name()).collect();
    match names.as_slice() {
        [] => {}
        [only] => prompt.instruct(&format!("Always answer in {only}.")),
        [main, ..] => prompt.instruct(&format!(
            "You speak {}. Answer in the language of whoever writes if it is one of these, and in {main} if not.",
            names.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_everything_in_its_own_words() {
        let all: Vec<&str> = [ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE].into_iter().flatten().collect();
        let different: std::collections::HashSet<&str> = all.iter().copied().collect();
        assert_eq!(different.len(), all.len());
        for language in Language::ALL {
            let longest = Saying::Apology.in_language(language);
            assert_eq!(Language::of(&Plain::new(longest)), Some(language), "{longest}");
            assert!(Saying::Away.begins(&format!("{} Otto", Saying::Away.in_language(language))));
        }
        assert!(!Saying::Away.begins("I was away"));
    }
}
