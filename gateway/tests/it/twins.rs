//! One message, however often and in whichever form it arrives.

use futures::future::join_all;
use serde_json::json;

use crate::{
    events::{envelope, having, mention_of, message, question, signed},
    stage::House,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_45_a_hundred_parallel_replays_are_a_hundred_times_200_and_one_row() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let ask = signed(house.secret(), question(&acme, "once is enough").to_string());
    let replies = join_all((0..100).map(|_| house.ask(&ask))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"]);
    assert_eq!(house.count(acme.tenant, "select last_seq from lanes").await, 1, "no number is lost either");
}

#[tokio::test]
async fn attack_47_an_event_written_differently_is_the_same_event() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let event = envelope(&acme.team, json!({ "type": "pin_added", "user": "UADA", "channel_id": "C1" }));
    let spaced = serde_json::to_string_pretty(&event).expect("it is JSON");
    let escaped = event.to_string().replace("pin_added", "pin\\u005fadded");
    for body in [event.to_string(), spaced, escaped] {
        assert_eq!(house.deliver(body).await.status, 200);
    }
    assert_eq!(house.stored(acme.tenant).await, 1, "told apart by its id, not by its bytes or signature");
}

#[tokio::test]
async fn a_mention_arrives_twice_and_waits_once_in_either_order() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    for mention_first in [true, false] {
        let heard = message("C1", &format!("<@{}> are you there?", acme.bot));
        let mention = mention_of(&heard);
        let order = if mention_first { [mention, heard] } else { [heard, mention] };
        for event in order {
            house.hear(&acme, event).await;
        }
    }
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_events_of_a_mention_at_once_wait_once() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let pairs = (0..40).flat_map(|number| {
        let heard = message("C1", &format!("<@{}> number {number}", acme.bot));
        [mention_of(&heard), heard]
    });
    join_all(pairs.map(|event| house.hear(&acme, event))).await;
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed"; 40]);
}

/// The text does not show the mention (it stands in a block Slack alone understands); only the second event says so.
#[tokio::test]
async fn a_mention_that_only_its_twin_reveals_is_not_lost() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let opening = message("C1", &format!("<@{}> hello", acme.bot));
    house.hear(&acme, opening.clone()).await;
    let hidden = having(message("C1", "and you?"), json!({ "thread_ts": opening["ts"] }));
    house.hear(&acme, hidden.clone()).await;
    let mention = envelope(&acme.team, mention_of(&hidden)).to_string();
    for _ in 0..3 {
        assert_eq!(house.deliver(mention.clone()).await.status, 200);
    }
    let addressed =
        "select count(*) from inbox where state = 'pending' and addressed and normalized ->> 'text' = 'and you?'";
    assert_eq!(house.count(acme.tenant, addressed).await, 1);
    // In a channel where the first form was not kept at all, the mention is simply stored.
    let hidden = message("C2", "anyone?");
    house.hear(&acme, hidden.clone()).await;
    assert_eq!(house.count(acme.tenant, "select count(*) from lanes").await, 1);
    house.hear(&acme, mention_of(&hidden)).await;
    assert_eq!(house.inbox(acme.tenant).await.last().map(String::as_str), Some("pending - addressed"));
}

#[tokio::test]
async fn a_mention_counts_with_a_label_and_not_for_others() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    house.hear(&acme, message("C1", &format!("<@{}|kona> hello", acme.bot))).await;
    for text in ["<@U2> hello", "@kona hello", &format!("<@{}X> hello", acme.bot), &format!("`{}`", acme.bot)] {
        house.hear(&acme, message("C1", text)).await;
    }
    assert_eq!(house.texts(acme.tenant).await, ["hello"]);
}

#[tokio::test]
async fn every_kind_of_direct_message_is_addressed() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    house.hear(&acme, having(message("D1", "by kind"), json!({ "channel_type": "im" }))).await;
    let mut by_channel = message("D2", "by channel");
    by_channel.as_object_mut().expect("an object").remove("channel_type");
    house.hear(&acme, by_channel).await;
    // A group is many people: it has to name the agent.
    house.hear(&acme, having(message("G1", "among us"), json!({ "channel_type": "mpim" }))).await;
    let named = format!("<@{}> in a group", acme.bot);
    house.hear(&acme, having(message("G1", &named), json!({ "channel_type": "mpim" }))).await;
    assert_eq!(house.texts(acme.tenant).await, ["by kind", "by channel", "in a group"]);
    let kinds = "select count(distinct normalized ->> 'channel_kind') from inbox";
    assert_eq!(house.count(acme.tenant, kinds).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quick_follow_up_that_overtakes_its_threads_first_message_is_kept() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let first = message("C1", &format!("<@{}> are you there?", acme.bot));
    let follow_up = having(message("C1", "I mean: today?"), json!({ "thread_ts": first["ts"] }));
    let begins = async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        house.hear(&acme, first.clone()).await;
    };
    tokio::join!(house.hear(&acme, follow_up), begins);
    assert_eq!(house.inbox(acme.tenant).await, ["pending - addressed", "pending - overheard"]);

    // Nobody waits for what was said long after, or to somebody else.
    let others = message("C1", "Lunch?");
    house.hear(&acme, having(message("C1", "Yes!"), json!({ "thread_ts": others["ts"] }))).await;
    house.hear(&acme, having(message("C1", "Yes!"), json!({ "thread_ts": "1767000000.000001" }))).await;
    assert_eq!(house.stored(acme.tenant).await, 2);
}
