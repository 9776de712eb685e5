//! How people who write Portuguese ask for a human.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    sure: "humano|humana|ser humano|pessoa real|pessoa de verdade|pessoa de carne e osso|(?:atendente|atendimento|agente) humano|ajuda humana",
    who: "pessoa|atendente|agente|consultora?|representante|operadora?|supervisora?|gerente|alguem|suporte|atendimento|responsavel",
    the: "a|ao|com|um|uma|algum|alguma|o|seu|sua|do|da|de|para|pra|outro|outra",
    asks: &[
        "(?:falar|conversar|teclar)(?: direto| agora| ja)? com {the}{who}",
        "me (?:transfere|transfira|transferir|passa|passe|passar|conecta|conecte|conectar|coloca|coloque|colocar)(?: em contato)? {the}{who}",
        "(?:quero|queria|preciso de|exijo) (?:um|uma) {who}(?: ja| agora)? \\|",
        "(?:quero|preciso|posso|queria|prefiro|poderia|exijo|por favor)(?: [a-z]+){0,8} (?:um|uma) {sure}",
        "(?:quero|preciso) que alguem me (?:ligue|atenda|contate|responda)",
        "que me (?:ligue|atenda|responda) {the}{who}",
        "(?:quero|queria|preciso de|preciso|gostaria de|prefiro|exijo)(?: ser atendid[oa] por)? (?:um |uma )?{sure}",
        "(?:quero|exijo)(?: ser atendid[oa] por)? uma pessoa",
        "(?:tem|ha|existe) {the}(?:humano|pessoa real|pessoa ai)",
        "alguem (?:pode|poderia) me (?:ligar|contatar|telefonar)",
        "um humano (?:pode|poderia) (?:me|olhar|ver|responder|ajudar|verificar|ler)",
        "(?:chama|chame|chamem) {the}(?:atendente|humano|pessoa|supervisora?|gerente)",
    ],
    alone: &["{the}{sure}", "(?:um |uma )?(?:atendente|operadora?|representante|consultora?)"],
    polite: "por favor|pf|oi|ola|obrigad[oa]|ja|agora|mas|e|sim",
    except: "(?:recursos|direitos|corpo|erro|erros|tao|seres) humanos?|voce e humano|e humano",
    denies: "nao|sem|nunca|em vez de",
    complains: "por que|porque nao",
};
