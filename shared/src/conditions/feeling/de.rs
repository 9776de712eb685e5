//! How people who write German sound.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    bad: "wütend|wuetend|stinksauer|sauer|verärgert|veraergert|ärgerlich|aergerlich|ärgert mich|ärgere mich|ärger|genervt|\
           nervt|nervig|nervtötend|frustriert|frustrierend|frust|enttäuscht|enttaeuscht|enttäuschend|enttäuschung|\
           unzufrieden|unverschämt*|unverschaemt*|frechheit|frech|unfassbar|unglaublich|unmöglich|unmoeglich|inakzeptabel|\
           unakzeptabel|nicht akzeptabel|untragbar|unzumutbar|zumutung|lächerlich|laecherlich|witz|schlechter scherz|\
           schlechter witz|katastrophe|katastrophal|furchtbar|schrecklich|grauenhaft|grauenvoll|miserabel|mies|miese*|\
           saumäßig|unterirdisch|peinlich|erbärmlich|armselig|unfähig*|inkompetent*|idiot*|dumm|blöd|blöde*|bescheuert|\
           dämlich*|scheiß*|scheiss*|scheiße|so ein mist|verdammt*|verflucht|kotzt mich an|ankotzt|kack*|abzocke|abzocker|\
           betrüger|verarscht|verarschen|verarsche|verarschung|schnauze voll|nase voll|hab es satt|habe es satt|bin es satt|\
           reicht jetzt|jetzt reicht|mir reicht|reicht mir|es reicht|langsam reicht|keine lust mehr|nie wieder|schon wieder|\
           zum dritten mal|dritte mal|zum vierten mal|zum x ten mal|zum hundertsten mal|wie oft noch|wie lange noch|\
           wie oft muss|seit wochen warte|seit tagen warte|warte seit wochen|warte seit tagen|endlich mal|\
           meldet sich niemand|niemand meldet|keiner meldet|niemand antwortet|keiner antwortet|antwortet niemand|ignoriert|\
           interessiert keinen|interessiert niemanden|im kreis|geduld|verzweifelt|verzweifle|verzweiflung|am ende meiner|\
           nutzlos|sinnlos|unbrauchbar|wertlos|hasse|zeitverschwendung|verschwendet|geldverschwendung|schlecht behandelt|\
           sehr schlecht|so schlecht|echt schlecht|richtig schlecht|schlechter service|schlechtester|schlechteste|schlimm|\
           schlimmste*|saftladen|drecksladen|sauladen|armutszeugnis|schande|schämt euch|schämen sie sich|respektlos|\
           unprofessionell|traurig|entsetzt|empört|gefällt mir nicht|danke für nichts|danke für gar nichts|stresst|\
           gestresst|kein verständnis|fassungslos|absurd|ernsthaft|wollt ihr mich|wollen sie mich|kann doch nicht sein|\
           kann nicht wahr sein|darf doch nicht wahr|darf nicht wahr|müll|schrott|dreck|kindergarten|hirnrissig|\
           wahnsinnig macht|macht mich wahnsinnig|treibt mich in den wahnsinn|boah|\
           so geht man nicht|passiert nichts|passiert einfach gar nichts|passiert gar nichts|jedes mal|nase gestrichen voll|schnauze gestrichen voll|\
           gestrichen voll|ich kann nicht mehr|weiß nicht mehr weiter|weiss nicht mehr weiter|vierte mal|fünfte mal|zum wiederholten mal|lies doch mal|schade|\
           gehts noch|geht s noch|geht es noch|mit mir nicht|verarsch*|anwalt einschalten",
    good: "super|toll|tolle|toller|klasse|prima|perfekt|wunderbar|großartig|grossartig|fantastisch|hervorragend|spitze|\
           ausgezeichnet|genial|begeistert|zufrieden|glücklich|freut mich|freue mich|gefreut|froh|hilfreich|sehr nett|\
           liebe es|lieb von|top|bestens|gut gemacht|gute arbeit|sehr gut|echt gut|richtig gut|geholfen|weitergeholfen|\
           gerettet|hurra|juhu|mega|cool|einwandfrei|reibungslos|erleichtert|beeindruckt|wahnsinn wie schnell|sehr schnell|\
           so schnell|so schnelle|läuft wieder|klappt jetzt|funktioniert jetzt|genau das|hut ab|lob|daumen hoch|\
           weiterhilft|weiterhelfen konnte|juhuu*|endlich mal ein",
    thanks: "danke|dankeschön|vielen dank|besten dank|herzlichen dank|tausend dank|dankbar|merci",
    wishes: "bitte|im voraus|könnten sie|können sie|könntest du|kannst du|ich brauche|ich möchte|ich hätte gern*|wie kann ich",
    denies: "nicht|kein|keine|keinen|keiner|keinem|keines|nie|niemals|ohne|weder|wenig|nix|nichts",
};
