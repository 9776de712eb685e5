//! How people who write English ask for a human.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    sure: "humans?|human being|human agent|human help|human support|real people|(?:real|actual|live) (?:person|human|agent|operator)",
    who: "person|people|agent|representative|rep|operator|somebody|someone|manager|supervisor|advis[oe]r|colleague|employee|boss|\
          customer service|customer support|support team|support",
    the: "a|an|the|your|any|some|one of your|real|live|actual|senior|another|other",
    asks: &[
        "(?:talk|speak|chat|be connected|be transferred|be put through|connect me|connect us|transfer me|put me through|pass me|\
         hand me|hand me over|forward me|switch me)(?: now| please| directly| on| over| through)* (?:to|with) {the}{who}",
        "(?:get me|give me|send me|find me|bring me|i want|i need|want|need|i d like|i would like|i d prefer|let me have|call|fetch) {the}{sure}",
        "(?:get|have) {the}{sure}",
        "(?:if|can|could|may) {the}{sure} (?:please|could|can|look|help|call|answer|check|take|get|contact|reply|respond|read|review)",
        "(?:is|are) there {the}{sure} (?:i can|i could|here|there|available|around|working|that|who)",
        "can i have {the}{who}",
        // A long way from the wish to whom it is about, if nobody can take that for something else.
        "(?:want|need|can i|could i|may i|let me|give me|get me|demand|prefer|like to)(?: [a-z]+){0,8} (?:a|an|any|some) {sure}",
        "(?:where|how|can|could|may)(?: can| do| could)? i (?:get|reach|contact|find|have) {the}{who} (?:please |now |directly )*\\|",
        "(?:escalate|hand|pass|transfer|switch)(?: this| it| me| us)?(?: over)? to {the}{who}",
        "put {the}{who} (?:on|through)",
        "(?:i want|i need|need|want|i d like|get me|give me) {the}{who} (?:please |now |asap )*\\|",
        "(?:can|could|may|would|will) (?:someone|somebody|anybody|anyone|a colleague|an agent|a person)(?: (?:from|of|in) [a-z]+){0,1}(?: please)? \
         (?:call|phone|ring|contact) me",
    ],
    alone: &["{the}{sure}", "{the}(?:operator|agent|representative|person|customer service|supervisor|manager)"],
    polite: "please|pls|hello|hi|hey|just|now|a|and|but|thanks|ok|okay",
    except: "human (?:resources?|rights?|readable|errors?|genes?|body|eyes?|race|nature|factors?|touch|hair|history|trafficking|capital)",
    denies: "not|don t|dont|do not|doesn t|no need|no human|never|without|instead of|rather than|needn t|won t",
    complains: "why|can t|cant|cannot|couldn t",
};
