//! How people who write Spanish sound.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    bad: "enojado|enojada|enfadado|enfadada|furioso|furiosa|indignado|indignada|indignante|molesto|molesta|cabreado|\
           cabreada|harto|harta|hartos|hartas|hasta las narices|hasta el gorro|hasta los cojones|frustrado|frustrada|\
           frustrante|frustración|decepcionado|decepcionada|decepcionante|decepción|insatisfecho|insatisfecha|inaceptable|\
           intolerable|inadmisible|ridículo|ridícula|ridiculo|absurdo|vergüenza|verguenza|vergonzoso|vergonzosa|lamentable|\
           patético|patética|pésimo|pésima|pesimo|pesima|horrible|terrible|un servicio fatal|espantoso|espantosa|desastre|\
           desastroso|pesadilla|asco|asqueroso|mierda|joder|jodido|puta|puto|carajo|coño|cojones|estafa|estafadores|\
           estafado|ladrones|un robo|timo|tomadura de pelo|tomando el pelo|tomáis el pelo|toman el pelo|se burlan|burla|\
           broma|incompetente*|inútil|inútiles|inutil*|idiota*|imbécil*|estúpido*|estúpida|tonto|tontería|odio|peor|\
           el colmo|ya basta|basta ya|basta de|estoy cansado de|estoy cansada de|cansado de|cansada de|no aguanto más|\
           no puedo más|no puede ser|paciencia|cuántas veces|cuantas veces|cuánto más|otra vez lo mismo|tercera vez|\
           cuarta vez|décima vez|enésima vez|por última vez|nunca más|nadie responde|nadie contesta|nadie me responde|\
           nadie me contesta|nadie me hace caso|me ignoran|ignorando|ignoran|dando vueltas|pérdida de tiempo|\
           perder el tiempo|perdiendo el tiempo|mal servicio|muy mal|muy mala|muy malo|mala atención|maleducado*|\
           falta de respeto|poco profesional|poco serio|desesperado|desesperada|desesperante|desesperación|estresado|\
           estresada|agobiado|agobiada|gracias por nada|insoportable|increíble que|me parece increíble|de locos|qué rabia|\
           rabia|impotencia|tristeza|triste|una locura|volviendo loco|volviendo loca|basura|porquería|chapuza|mentira*|\
           mentiroso*|en serio|vaya servicio|me enoja|me molesta|me enfada|me frustra|\
           así no se puede|perder la tarde|no sirve para nada|fastidio|maldita*|maldito*|no funciona nada|lástima|nadie apunta|cinco veces|diez veces|mil veces|\
           de una vez|una y otra vez|hacerme perder",
    good: "genial|perfecto|perfecta|excelente|excelentes|estupendo|estupenda|maravilloso|maravillosa|fantástico|fantástica|\
           increíble servicio|magnífico|fenomenal|buenísimo|buenísima|contento|contenta|feliz|encantado|encantada|\
           satisfecho|satisfecha|encanta|me gusta|útil|muy útil|muy amable|muy amables|amable|bravo|bien hecho|buen trabajo|\
           gran trabajo|muy bien|impresionado|impresionada|impresionante|agradecido|agradecida|me salvaste|me salvó|salvado|\
           súper|chévere|un crack|unos cracks|de maravilla|qué bien|qué rápido|muy rápido|rapidísimo|ya funciona|\
           funciona perfecto|qué alegría|alegra|aliviado|aliviada|un diez|lo mejor|los mejores|\
           felicitar|contentísim*|da gusto|enhorabuena|por fin cobré|preciosa|precioso|con mucha paciencia",
    thanks: "gracias|muchas gracias|mil gracias|te agradezco|se lo agradezco|le agradezco",
    wishes: "por favor|de antemano|podría|podrían|puede|pueden|puedes|podrías|necesito|quisiera|me gustaría|quiero|cómo",
    denies: "no|nunca|ni|sin|nada|tampoco|jamás|poco",
};
