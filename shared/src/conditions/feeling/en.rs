//! How people who write English sound.

use super::Tongue;

pub(super) const TONGUE: Tongue = Tongue {
    bad: "angry|furious|outraged|outrageous|unacceptable|inacceptable|ridiculous|disappointed|disappointing|disappointment|\
           frustrated|frustrating|frustration|terrible|awful|horrible|appalling|atrocious|dreadful|abysmal|disgusting|\
           disgusted|disgrace*|pathetic|useless|worthless|hopeless|incompetent|incompetence|idiot*|moron*|stupid|dumb|liar*|\
           scam|scammers|scammed|rip off|ripoff|ripped off|fraudsters|thieves|robbery|shame on you|shameful|ashamed of|\
           fed up|sick of|tired of|sick and tired|had enough|enough is enough|annoyed|annoying|irritating|irritated|upset|\
           unhappy|dissatisfied|unsatisfied|livid|pissed|pissed off|wtf|ffs|bullshit|bull shit|crap|crappy|shit|shitty|damn|\
           fuck*|hell is wrong|the hell|sucks|lousy|hate|hated|worst|a joke|laughable|waste of time|waste of money|wasted|\
           wasting my time|nightmare|unbelievable|incredibly bad|so bad|really bad|very bad|poor service|bad service|\
           terribly|never again|how many times|how much longer|for the third time|third time|fourth time|tenth time|\
           for the last time|nobody answers|no one answers|nobody replies|no one replies|nobody cares|no one cares|ignored|\
           ignoring me|going in circles|running in circles|losing my patience|lost my patience|my patience|losing it|\
           losing my mind|driving me crazy|driving me mad|driving me nuts|makes me mad|so mad|desperate|despair|\
           at my wits end|stressed|stressing|let down|letting me down|had it with|thanks for nothing|great job breaking|\
           last straw|lawyer up|sue you|leaving you|not good enough|unprofessional|rude|disrespectful|insult*|is garbage|\
           total garbage|rubbish|is trash|joking|kidding me|kidding|seriously|absurd|insane|bloody|wth|smh|ugh|argh|grr*|\
           are you deaf|can t believe|cannot believe|makes no sense|getting old|give up|giving up|exhausting|infuriating|\
           infuriated|maddening|unreliable|nonsense|broken promises|lied to|\
           absolute garbage|complete garbage|pure garbage|don t know what to do anymore|do not know what to do anymore|end of my rope|\
           that s not what i asked|not what i asked|couldn t be bothered|could not be bothered|can t be bothered|ruined|messed up|screwed up|\
           month in a row|week in a row|time in a row|nobody seems to care|no one seems to care|calling my lawyer|threatening",
    good: "great|awesome|perfect|perfectly|excellent|amazing|wonderful|fantastic|brilliant|superb|love|loved|lovely|happy|\
           glad|delighted|pleased|thrilled|impressed|impressive|appreciate|appreciated|grateful|helpful|lifesaver|\
           life saver|you rock|well done|good job|great job|nice work|good work|the best|best service|works like a charm|\
           made my day|saved my day|saved me|so nice|very nice|super nice|yay|woohoo|hooray|cool|kudos|a legend|a star|\
           satisfied|exactly what i needed|spot on|that was fast|that was quick|so fast|so quick|so quickly|it works now|\
           works now|\
           over the moon|so kind|very kind|looked after|best support|best team|hats off|pass my thanks|pleasure",
    thanks: "thank you|thanks|thank u|thx|ty|cheers|many thanks|much obliged",
    wishes: "please|pls|in advance|could you|can you|would you|i need|i would like|i d like|how do i|let me know",
    denies: "not|t|no|never|without|nothing|hardly|isnt|dont|wasnt|cannot|neither|nor|less",
};
