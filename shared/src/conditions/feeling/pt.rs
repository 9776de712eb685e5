//! How people who write Portuguese sound.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    bad: "irritado|irritada|irritante|irrita|bravo com|brava com|furioso|furiosa|zangado|zangada|chateado|chateada|chato|\
           chata|indignado|indignada|revoltado|revoltada|revoltante|frustrado|frustrada|frustrante|frustração|decepcionado|\
           decepcionada|desapontado|desapontada|decepcionante|decepção|dececionado|dececionada|dececionante|desilusão|\
           desiludido|desiludida|insatisfeito|insatisfeita|inaceitável|inaceitavel|inadmissível|intolerável|ridículo|\
           ridícula|ridiculo|absurdo|absurda|vergonha|vergonhoso|vergonhosa|lamentável|patético|patética|péssimo|péssima|\
           pessimo|pessima|horrível|horrivel|terrível|terrivel|desastre|pesadelo|nojo|nojento|merda|porra|caralho|que droga|\
           bosta|puta|foda|golpe|golpistas|ladrões|roubo|uma burla|enganado|enganada|palhaçada|brincadeira|brincando comigo|\
           brincar comigo|gozar comigo|gozar com|fazendo de palhaço|incompetente*|incompetência|inútil|inúteis|inutil|\
           idiota*|imbecil*|burro*|burra|estúpido*|odeio|ódio|raiva|pior|piores|farto|farta|cansado de|cansada de|cansei|\
           de saco cheio|saco cheio|já chega|chega de|basta|não aguento mais|não aguento|nao aguento|não dá mais|\
           não é possível|nao é possível|paciência|paciencia|quantas vezes|até quando|terceira vez|quarta vez|décima vez|\
           milésima vez|pela última vez|nunca mais|ninguém responde|ninguem responde|ninguém me responde|ninguém atende|\
           ninguém resolve|ninguém faz nada|me ignoram|ignoram|ignorado|ignorada|andar em círculos|em círculos|\
           perda de tempo|perder tempo|perdendo tempo|mau atendimento|mau serviço|muito mau|muito ruim|péssimo atendimento|\
           falta de respeito|desrespeito|pouco profissional|desesperado|desesperada|desespero|desesperador|estressado|\
           estressada|stressado|stressada|obrigado por nada|obrigada por nada|insuportável|inacreditável|triste|lixo|\
           porcaria|mentira*|mentiroso*|a sério|enlouquecendo|ficar louco|ficando louco|ficando louca|um inferno|sacanagem|\
           descaso|aff|pqp|\
           irritando|pelo amor de deus|assim não dá|estupidez|falta de consideração|o que é que querem mais|perdi tudo|minha coleção|percebes nada|não percebem nada|\
           três vezes|dez vezes|mil vezes|de uma vez",
    good: "ótimo|ótima|otimo|otima|óptimo|perfeito|perfeita|excelente|maravilhoso|maravilhosa|fantástico|fantástica|\
           incrível|sensacional|espetacular|espetáculo|que show|show de bola|top|muito legal|que legal|bacana|que fixe|\
           muito fixe|feliz|contente|satisfeito|satisfeita|adorei|adoro|amei|amo|gostei|útil|muito útil|muito gentil|gentil|\
           atencioso|atenciosa|simpático|simpática|parabéns|bom trabalho|excelente trabalho|bem feito|muito bom|muito boa|\
           muito bem|impressionado|impressionada|impecável|agradecido|agradecida|grato|grata|me salvou|salvou|salvaram|\
           que rápido|muito rápido|rapidíssimo|já funciona|funcionou|deu certo|que alegria|aliviado|aliviada|alívio|nota 10|\
           nota dez|cinco estrelas|5 estrelas|o melhor|os melhores|\
           queria agradecer|nota mil|recomendo|incansável|um prazer",
    thanks: "obrigado|obrigada|muito obrigado|muito obrigada|valeu|agradeço|obg|brigado",
    wishes: "por favor|desde já|antecipadamente|poderia|poderiam|pode|podem|podes|preciso|gostaria|queria|quero|como faço|como",
    denies: "não|nao|n|nunca|nem|sem|nada|jamais|pouco|nenhum|nenhuma",
};
