//! How people who write Spanish ask for a human.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    sure: "humano|humana|ser humano|persona real|persona de verdad|persona de carne y hueso|(?:asesor|agente|operador) humano|ayuda humana|atencion humana",
    who: "persona|agente|asesora?|representante|operadora?|supervisora?|encargad[oa]|gerente|jefe|alguien|soporte|atencion al cliente|\
          servicio al cliente|ejecutiv[oa]|companero",
    the: "a|al|con|un|una|algun|alguna|el|la|su|tu|de|otro|otra",
    asks: &[
        "(?:hablar|conversar|chatear|comunicarme|platicar)(?: directamente| ya| ahora)? con {the}{who}",
        "(?:paseme|pasame|comuniqueme|comunicame|transfierame|transfiereme|conecteme|conectame|pongame|ponme|deme|dame|derivame) {the}{who}",
        "(?:quiero|necesito|quisiera|prefiero|me gustaria|exijo|deseo)(?: que me atienda| ser atendido por)? (?:un |una )?{sure}",
        "(?:quiero|exijo)(?: que me atienda| ser atendido por)? una persona",
        "(?:quiero|necesito|quisiera|exijo) (?:un|una) {who}(?: ya| ahora)? \\|",
        "(?:quiero|necesito|puedo|quisiera|prefiero|podria|exijo|por favor)(?: [a-z]+){0,8} (?:un|una) {sure}",
        "(?:quiero|necesito) que alguien me (?:llame|atienda|contacte|responda)",
        "que me (?:llame|atienda|contacte|responda) {the}{who}",
        "hay {the}(?:humano|persona real|persona ahi|persona disponible)",
        "me (?:puede|podria|pueden|podrian) (?:llamar|contactar) (?:alguien|una persona|un humano|un asesor|un agente)",
        "(?:puede|podria) (?:verlo|ayudarme|atenderme|responderme|llamarme|revisarlo|mirarlo) (?:un|algun) humano",
    ],
    alone: &["{the}{sure}", "(?:un |una )?(?:agente|asesora?|operadora?|representante)"],
    polite: "por favor|porfa|hola|gracias|ya|ahora|pero|y|si",
    except: "(?:recursos|derechos|cuerpo|error|errores|trato tan|tan|seres) humanos?|eres humano|es usted humano",
    denies: "no|sin|nunca|tampoco|en vez de",
    complains: "por que",
};
