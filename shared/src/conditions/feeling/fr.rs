//! How people who write French sound.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    bad: "furieux|furieuse|en colère|colère|énervé|énervée|énerve|énervant|enerve|agacé|agacée|agaçant|agacant|exaspéré|\
           exaspérée|exaspérant|excédé|excédée|frustré|frustrée|frustrant|frustration|déçu|déçue|decu|décevant|décevante|\
           déception|mécontent|mécontente|insatisfait*|inadmissible|inacceptable|intolérable|scandaleux|scandaleuse|\
           scandale|honteux|honteuse|honte|lamentable|minable|pitoyable|nul|nulle|nuls|nullissime|horrible|affreux|terrible|\
           catastrophe|catastrophique|désastreux|désastre|cauchemar|ridicule|n importe quoi|du grand n importe quoi|\
           foutage de gueule|foutez de moi|fichez de moi|moquez de moi|se moque de|vous moquez|prenez pour un*|\
           prend pour un*|arnaque|arnaqueurs|escrocs|escroquerie|voleurs|incompétent*|incompetent*|idiot*|imbécile*|débile*|\
           connard*|bande de cons|merde|merdique|putain|bordel|chiant|chiante|fait chier|ras le bol|marre|en ai assez|\
           y en a assez|ça suffit|ca suffit|c en est trop|c est trop|à bout|pète un câble|péter un câble|perds patience|\
           perdre patience|patience|combien de fois|combien de temps encore|encore une fois|troisième fois|dixième fois|\
           dernière fois que je|plus jamais|jamais vu ça|personne ne répond|personne ne me répond|aucune réponse|\
           on m ignore|m ignorez|ignoré|ignorée|tourne en rond|tourner en rond|inutile|sert à rien|servez à rien|\
           ne sert à rien|perte de temps|perdre mon temps|perds mon temps|déteste|pire|mauvais service|très mauvais|\
           mal poli|malpoli|irrespectueux|manque de respect|pas sérieux|pas professionnel|désespéré|désespérée|désespérant|\
           désespoir|stressé|stressée|stressant|insupportable|incroyable mais|pas normal|pas acceptable|merci pour rien|\
           merci de rien du tout|choqué|choquée|indigné|outré|outrée|absurde|aberrant|abusé|abusez|dégoûté|dégoûtée|\
           dégoutant|dégoûtant|saoule|soûle|me gonfle|gonflant|pénible|triste|sérieusement|vous rigolez|une blague|foutu|\
           foutre|n en peux plus|en peux plus|un comble|mensonge*|menteur*|\
           daube|bande d incapables|incapable*|plus qu assez|je craque|en peux plus|c est pas possible|pas possible|je regrette|raté|gâché|du vol|\
           porter plainte|on se moque|hors de moi|deuxième fois|je ne sais plus quoi faire|ras la casquette",
    good: "super|génial|géniale|parfait|parfaite|parfaitement|excellent|excellente|formidable|merveilleux|merveilleuse|\
           magnifique|fantastique|top|bravo|content|contente|contents|heureux|heureuse|ravi|ravie|satisfait|satisfaite|\
           enchanté|impressionné|impressionnée|impressionnant|adore|j aime|utile|très utile|bien joué|chapeau|au top|nickel|\
           impeccable|efficace|très gentil|gentil|sympa|reconnaissant|reconnaissante|sauvé|sauvée|sauvez la vie|très rapide|\
           si vite|si rapide|réactivité|ça marche maintenant|fonctionne maintenant|hourra|youpi|soulagé|soulagée|\
           bluffé|bluffée|magnifiques|je tenais à remercier|d une patience|au top|grâce à vos conseils|grâce à vous",
    thanks: "merci|mille mercis|remercie|je vous remercie",
    wishes: "s il vous plaît|s il vous plait|s il te plaît|svp|stp|d avance|par avance|pourriez vous|pouvez vous|peux tu|\
           j ai besoin|je voudrais|j aimerais|je souhaite|merci de me|merci de bien vouloir|comment",
    denies: "pas|ne|n|jamais|aucun|aucune|sans|ni|rien|guère|peu",
};
