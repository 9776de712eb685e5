//! How people who write French ask for a human.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    sure: "humains?|etre humain|vraie personne|personne reelle|vrai (?:humain|conseiller|agent)|conseiller humain|aide humaine",
    who: "personne|conseiller|conseillere|agent|operateur|responsable|superviseur|manager|collegue|collaborateur|quelqu un|service client|\
          support|representant|technicien",
    the: "a|au|avec|un|une|le|la|l|votre|vos|de|du|d|vrai|vraie|veritable|autre",
    asks: &[
        "(?:parler|discuter|echanger|communiquer|chatter|tchatter|dialoguer)(?: directement| maintenant| plutot)? (?:a|au|avec) {the}{who}",
        "(?:passez|passe|transferez|transfere|mettez|donnez|appelez|connectez|trouvez) moi(?: en relation| en contact| en communication)? {the}{who}",
        "(?:mis|mise|mettre) en (?:contact|relation|communication) {the}{who}",
        "(?:me passer|me transferer|me connecter|transferez moi|connectez moi) {the}{who}",
        "(?:je veux|je voudrais|j aimerais|je souhaite|il me faut) (?:un|une) {who}(?: svp| maintenant)? \\|",
        "(?:je veux|je voudrais|j aimerais|je souhaite|je prefere|je demande|il me faut|besoin d|besoin de) {the}{sure}",
        "y a t il {the}(?:{sure}|conseiller|agent) (?:disponible|ici|la|qui)",
        "il y a {the}{sure} (?:ici|la|qui|disponible)",
        "(?:quelqu un|un conseiller|un agent|un humain) (?:peut|pourrait)(?: il| elle)? (?:m appeler|me rappeler|me contacter|me telephoner)",
        "(?:veux|voudrais|aimerais|besoin|souhaite|puis je|peux|prefere|exige)(?: [a-z]+){0,8} (?:un|une) {sure}",
        "un (?:vrai )?humain (?:peut|pourrait)(?: il)? (?:me|m|regarder|repondre|aider|verifier|voir|lire)",
    ],
    alone: &["{the}{sure}", "(?:un |une )?(?:conseiller|conseillere|agent|operateur)"],
    polite: "s il vous plait|s il te plait|svp|stp|bonjour|merci|oui|maintenant|mais|et",
    except: "(?:ressources|droits|corps|etres) humains?|ressources humaines|erreur humaine|humain combien",
    denies: "pas|plus besoin|jamais|sans|inutile|aucun|aucune|plutot que",
    complains: "pourquoi|impossible",
};
