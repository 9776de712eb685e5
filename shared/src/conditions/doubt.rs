//! Whether an answer says that it does not know: by phrases of five languages, the same each time and with any model.
//!
//! What a model says of its own certainty in numbers differs from model to model, and many give none. What it tells the person
//! is there always, and is what the person goes by.

use std::sync::LazyLock;

use super::{Keyword, Plain};

/// Beyond it an answer has said something, in characters.
const LOOKED_AT: usize = 4_000;

/// "I don't know", "I could not find", "I am not sure", as a sentence of its own or at the beginning of one.
const PHRASES: [&str; 5] = [
    "i don t know|i do not know|i dont know|i m not sure|i am not sure|i m not certain|i am not certain|not entirely sure|\
     not completely sure|not quite sure|not 100 sure|can t be sure|cannot be sure|can t say for sure|cannot say for sure|\
     can t say for certain|cannot say for certain|can t say with certainty|cannot say with certainty|can t tell for sure|\
     hard to say|can t confirm|cannot confirm|unable to confirm|couldn t confirm|could not confirm|can t verify|\
     cannot verify|i don t have any information|i do not have any information|i don t have information|\
     i do not have information|i don t have that information|i do not have that information|i don t have enough information|\
     i do not have enough information|i have no information|don t have any information|no information about|\
     no information on|i don t have access|i do not have access|i have no access|i don t have any record|i have no record|\
     no record of|don t have details|i don t have the details|i do not have the details|i don t have any details|\
     i have no details|i don t have any data|i have no data|i don t have a record|i couldn t find|i could not find|\
     i can t find|i cannot find|i wasn t able to find|i was not able to find|i m unable to find|i am unable to find|\
     i was unable to find|i found nothing|i didn t find|i did not find|i ve found nothing|nothing about that in|\
     doesn t say anything about|do not say anything about|i m guessing|i am guessing|i m only guessing|i m just guessing|\
     my best guess|just a guess|only a guess|if i had to guess|i can only guess|i could be wrong|i may be wrong|\
     i might be wrong|i m afraid i don t|i m afraid i can t tell|i have no idea|no idea|i can t answer that|\
     i cannot answer that|i can t answer this|i m not aware of|i am not aware of|beyond my knowledge|outside my knowledge|\
     outside of my knowledge|don t quote me|take this with a grain of salt|take that with a grain of salt|\
     i don t see any information|i don t see anything about|not something i know|unclear to me|i lack the information|\
     please double check|i m unable to say|i am unable to say|i m unable to tell|i can t tell|i cannot tell|\
     isn t something i have|i haven t been told|i have not been told|i don t seem to have|i m not familiar with|\
     i am not familiar with|i m unsure|i am unsure|i can t promise|no way of knowing|no way to know|\
     nothing in the documents|not in the documents|come up empty|came up empty|cannot tell you|can t tell you|not really sure|no results|no matches|\
     hard to tell|difficult to tell|available to me|not been able to verify|haven t been able to|have not been able to|good as mine|not able to verify|\
     doesn t mention|does not mention|don t mention|no mention of|not covered in|isn t covered|wasn t told|not been given|haven t been given",
    "weiß ich nicht|weiss ich nicht|ich weiß nicht|ich weiss nicht|weiß ich leider nicht|weiss ich leider nicht|\
     ich weiß es nicht|ich weiß es leider nicht|ich weiß leider nicht|ich weiss leider nicht|das weiß ich nicht|\
     bin mir nicht sicher|bin ich mir nicht sicher|ich bin nicht sicher|bin ich nicht sicher|nicht ganz sicher|\
     nicht hundertprozentig sicher|nicht völlig sicher|bin unsicher|bin mir unsicher|bin ich mir unsicher|\
     kann ich nicht sicher sagen|nicht mit sicherheit sagen|kann ich nicht mit sicherheit|kann ich leider nicht sagen|\
     kann ich dir nicht sagen|kann ich ihnen nicht sagen|kann ich dir leider nicht sagen|kann ich ihnen leider nicht sagen|\
     kann ich nicht sagen|kann ich nicht beurteilen|kann ich leider nicht beurteilen|kann ich nicht bestätigen|\
     nicht bestätigen|kann ich nicht beantworten|kann ich leider nicht beantworten|liegen mir keine|liegen mir leider keine|\
     liegt mir nicht vor|liegen mir nicht vor|mir liegen keine|mir liegen dazu keine|mir liegen leider keine|\
     mir liegen hierzu keine|habe ich keine informationen|habe ich leider keine|habe keine informationen|habe dazu keine|\
     habe hierzu keine|habe darüber keine|habe leider keine informationen|ich habe keine angaben|habe ich keine angaben|\
     habe ich keine daten|keine informationen dazu|keine informationen darüber|keine informationen zu|\
     keine informationen über|keine angaben zu|keinen zugriff|keinen zugang|keinen einblick|keine kenntnis|\
     nichts gefunden|finde ich nichts|finde ich leider nichts|finde dazu nichts|ich finde dazu|konnte ich nichts finden|\
     konnte ich nicht finden|konnte nichts finden|konnte leider nichts|konnte dazu nichts|konnte ich leider nichts|\
     konnte ich leider nicht finden|ich vermute|vermute ich|ich rate nur|nur geraten|nur raten|nur eine vermutung|\
     meine vermutung|reine vermutung|nur vermuten|nur schätzen|keine ahnung|überfragt|ist mir nicht bekannt|\
     mir nicht bekannt|ist mir unbekannt|mir unbekannt|könnte mich irren|kann mich irren|ich irre mich vielleicht|\
     ohne gewähr|schwer zu sagen|nicht sicher weiß|fehlen mir die informationen|fehlen mir informationen|\
     fehlt mir die information|fehlen mir die|fehlen mir leider|weiß nicht genau|weiß ich nicht genau|nicht genau sagen|\
     nichts finden|steht nichts|keinen eintrag|keine aussage|gibt darauf keine|gibt dazu keine|keine treffer|bestätigen konnte ich|nicht klar|\
     nicht weiterhelfen|entzieht sich|kenntnis|nicht überprüfen|überprüfen kann ich|nicht erwähnt|nichts dazu|keine quelle|ungewiss",
    "je ne sais pas|je l ignore|j ignore|je ne suis pas sûr|je ne suis pas sûre|je ne suis pas sur|pas tout à fait sûr|\
     pas entièrement sûr|je ne suis pas certain|je ne suis pas certaine|pas certain|pas certaine|pas sûr de|pas sûre de|\
     je n en suis pas sûr|je n en suis pas sûre|je n en suis pas certain|ne peux pas l affirmer|ne peux pas affirmer|\
     ne peux pas confirmer|ne peux pas le confirmer|ne peux pas vous le confirmer|ne peux pas vous confirmer|ne saurais|\
     avec certitude|je n ai pas d information*|je n ai pas cette information|je n ai aucune information|\
     je n ai pas l information|je n ai pas assez d information*|je ne dispose pas|je ne dispose d aucune|aucune information|\
     pas d informations|je n ai pas accès|je n ai pas acces|je n ai pas de données|je n ai aucune donnée|je n ai pas trouvé|\
     je n ai rien trouvé|je ne trouve pas|je ne trouve rien|je n ai pas réussi à trouver|je n ai pas pu trouver|\
     impossible de trouver|je suppose|je devine|ce n est qu une supposition|qu une supposition|simple supposition|\
     une supposition|aucune idée|je peux me tromper|je me trompe peut être|sous toute réserve|sous réserve|sans garantie|\
     difficile à dire|difficile de dire|je ne peux pas répondre|je ne peux pas vous dire|je ne peux pas vous le dire|\
     je ne peux pas te dire|je ne connais pas|je n ai pas connaissance|ne figure pas dans mes|il me manque|\
     je n ai pas les informations|je n ai pas le détail|je n ai pas les détails|à vérifier|\
     ne disent rien|ne dit rien|au doigt mouillé|sans que je puisse|dépasse ce que je|ne m a pas été communiqué|ne m ont pas été|sans y voir|impossible de vous confirmer|\
     impossible donc de|ne vous y fiez pas|n ai pu le confirmer|je n ai rien à|rien ne me permet|ne me permet pas|je n en sais rien|pas de résultat|aucun résultat|aucune trace|aucune mention|n est pas clair",
    "no lo sé|no lo se|no sé|no estoy seguro|no estoy segura|no estoy del todo seguro|no estoy del todo segura|\
     no estoy completamente seguro|no estoy completamente segura|no tengo la certeza|no tengo certeza|con certeza|\
     con seguridad|no puedo confirmar|no puedo confirmarlo|no puedo asegurar|no puedo asegurarlo|no puedo afirmar|\
     no puedo decir|no puedo decirte|no puedo decirle|no sabría|no tengo información|no tengo informacion|\
     no tengo esa información|no tengo ninguna información|no tengo suficiente información|no dispongo de|no cuento con|\
     no hay información|ninguna información|no tengo acceso|no tengo datos|no tengo ningún dato|no tengo constancia|\
     no me consta|no encuentro|no encontré|no he encontrado|no he podido encontrar|no pude encontrar|no logré encontrar|\
     no he visto nada|supongo|me imagino|es solo una suposición|solo una suposición|sólo una suposición|una suposición|\
     solo puedo suponer|adivinando|ni idea|no tengo idea|no tengo ni idea|podría equivocarme|puedo equivocarme|\
     puede que me equivoque|quizá me equivoque|quizás me equivoque|difícil de decir|no puedo responder|no conozco|\
     desconozco|lo desconozco|se me escapa|sin garantía|me falta información|no aparece en|no sabría decir*|\
     no tengo detalles|no tengo los detalles|\
     no dice ni una palabra|no dice nada|no he dado con|me lo estoy imaginando|no me aparece|no tengo forma de|no me lo han|no me han|difícil saber*|no me atrevo|\
     sin respuesta|no he podido confirmar*|no le puedo decir|no te puedo decir|no lo tengo claro|no tengo claro|ignoro|sin resultados|ningún resultado|no se menciona|no menciona|no figura",
    "não sei|nao sei|não tenho certeza|nao tenho certeza|não tenho a certeza|não estou certo|não estou certa|\
     não estou seguro|não estou segura|com certeza absoluta|com certeza se|dizer com certeza|afirmar com certeza|\
     não posso confirmar|não consigo confirmar|não posso garantir|não consigo garantir|não posso afirmar|\
     não consigo afirmar|não posso dizer|não consigo dizer|não saberia|não tenho informação|não tenho informações|\
     não tenho essa informação|não tenho nenhuma informação|não tenho qualquer informação|não tenho informação suficiente|\
     não tenho informações suficientes|não disponho|não há informação|não há informações|nenhuma informação|\
     não tenho acesso|não tenho dados|não tenho registro|não tenho registo|não encontrei|não encontro|\
     não consegui encontrar|não consegui localizar|não foi possível encontrar|não achei|não localizei|suponho|imagino que|\
     é apenas uma suposição|é só um palpite|meu palpite|o meu palpite|um palpite|apenas um palpite|só um palpite|\
     não faço ideia|sem ideia|posso estar enganado|posso estar enganada|posso estar errado|posso estar errada|difícil dizer|\
     não consigo responder|não posso responder|não conheço|desconheço|não tenho conhecimento|não consta|sem garantia|\
     falta me informação|não tenho detalhes|não tenho os detalhes|\
     não vi nada|prefiro não lhe garantir|prefiro não|só palpite|chutando|não aparece|não tenho como|fico devendo|ainda não chegou|não consta|nenhuma delas consta|\
     sem resposta|não consegui confirmar|nada lhe posso dizer|não lhe posso|não te posso|fiquei na dúvida|não pude verificar|não pude confirmar|não me foi|nenhum dado|sem resultados|nenhum resultado|não menciona|não diz nada",
];

static DOUBTS: LazyLock<Vec<Keyword>> = LazyLock::new(|| {
    let phrases = PHRASES.iter().flat_map(|phrases| phrases.split('|'));
    phrases.map(|phrase| Keyword::new(phrase).expect("the phrases are ours, and a test reads them")).collect()
});

/// Words of somebody else's doubt: "if you don't know …", "not sure which …?".
pub fn is_in_doubt(answer: &str) -> bool {
    let looked_at: String = answer.chars().take(LOOKED_AT).collect();
    let plain = Plain::new(&looked_at);
    DOUBTS.iter().any(|phrase| plain.holds(phrase))
}
