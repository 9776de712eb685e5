//! What a WhatsApp message says, in words: a model must know that there was a picture, and what a tapped button meant.

use serde_json::Value;
use shared::{
    channels::{whatsapp::is_phone, whatsapp_media},
    message::{ATTACHED_MARK, Attachment},
};

/// Longest answer of a form that is passed on, in characters.
const FORM_CHARS_MAX: usize = 4_000;
/// Products of an order that are listed.
const PRODUCTS_MAX: usize = 30;

#[derive(Debug, PartialEq, Eq)]
pub enum Words {
    Said(String),
    /// Stored for this reason, never answered.
    Beside(&'static str),
}

/// The words of any message type.
pub fn of(message: &Value) -> Words {
    let kind = message["type"].as_str().unwrap_or_default();
    let content = &message[kind];
    let said = match kind {
        "text" => text(content, "body").unwrap_or_default(),
        "image" | "video" | "document" | "sticker" | "audio" => media(kind, content),
        "location" => location(content),
        "contacts" => contacts(content),
        "button" => text(content, "text").or_else(|| text(content, "payload")).unwrap_or_default(),
        "interactive" => interactive(content),
        "order" => order(content),
        "unsupported" => "[a message of a kind that WhatsApp does not pass on]".into(),
        "reaction" => return Words::Beside("a reaction to nothing"),
        "edit" => return Words::Beside("an edit that names no message"),
        "revoke" => return Words::Beside("something withdrawn that is not named"),
        "media_placeholder" => return Words::Beside("media that follows"),
        _ => return Words::Beside("message type not handled"),
    };
    if said.trim().is_empty() {
        return Words::Beside("message without content");
    }
    Words::Said(format!("{}{said}{}", forwarded(message), advertisement(message)))
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The file that came along, to be fetched later.
pub fn attachment(message: &Value) -> Option<Attachment> {
    let kind = message["type"].as_str()?;
    if !matches!(kind, "image" | "video" | "document" | "sticker" | "audio") {
        return None;
    }
    let content = &message[kind];
    let content_type = content["mime_type"].as_str().unwrap_or_default();
    Attachment::new(whatsapp_media::SCHEME, content["id"].as_str()?, &file_name(kind, content), content_type)
}

/// Only documents have one of their own.
fn file_name(kind: &str, content: &Value) -> String {
    match kind {
        "document" => text(content, "filename").unwrap_or_else(|| "document".into()),
        "image" => "picture".into(),
        "audio" if content["voice"] == true => "voice message".into(),
        "audio" => "audio file".into(),
        other => other.into(),
    }
}

fn media(kind: &str, content: &Value) -> String {
    let shown = format!("{ATTACHED_MARK}{}]", file_name(kind, content));
    text(content, "caption").map_or_else(|| shown.clone(), |caption| format!("{caption}\n{shown}"))
}

fn location(content: &Value) -> String {
    let number = |name: &str| content[name].as_f64().map(|degrees| degrees.to_string());
    let place = number("latitude").zip(number("longitude")).map(|(north, east)| format!("{north}, {east}"));
    let parts: Vec<String> =
        [text(content, "name"), text(content, "address"), place].into_iter().flatten().collect();
    format!("[location: {}]", parts.join("; "))
}

fn contacts(content: &Value) -> String {
    let card = |contact: &Value| {
        let phones = contact["phones"].as_array().map(Vec::as_slice).unwrap_or_default();
        let phones = phones.iter().filter_map(|phone| text(phone, "phone").or_else(|| text(phone, "wa_id")));
        let parts: Vec<String> = text(&contact["name"], "formatted_name").into_iter().chain(phones).collect();
        format!("[contact: {}]", parts.join(", "))
    };
    let cards = content.as_array().map(Vec::as_slice).unwrap_or_default();
    cards.iter().map(card).collect::<Vec<_>>().join("\n")
}

/// The number that a person shared because they were asked for it: WhatsApp itself says whose it is. Other cards may be anybody's.
pub fn own_number(message: &Value) -> Option<String> {
    let card = &message["contacts"][0];
    if message["type"] != "contacts" || card["origin"] != "contact_request" {
        return None;
    }
    let phone = text(&card["phones"][0], "wa_id").or_else(|| text(&card["phones"][0], "phone"))?;
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    is_phone(&digits).then_some(digits)
}

fn interactive(content: &Value) -> String {
    match content["type"].as_str().unwrap_or_default() {
        "button_reply" => text(&content["button_reply"], "title").unwrap_or_default(),
        "list_reply" => {
            let reply = &content["list_reply"];
            let description = text(reply, "description").map_or_else(String::new, |more| format!(" ({more})"));
            text(reply, "title").map_or_else(String::new, |title| format!("{title}{description}"))
        }
        "nfm_reply" => {
            let reply = &content["nfm_reply"];
            let answers: String =
                text(reply, "response_json").unwrap_or_default().chars().take(FORM_CHARS_MAX).collect();
            format!("[form{}] {answers}", text(reply, "name").map_or_else(String::new, |name| format!(" {name}")))
        }
        _ => "[an answer of a kind that is not handled]".into(),
    }
}

fn order(content: &Value) -> String {
    let product = |item: &Value| {
        let price = item["item_price"].as_f64().map_or_else(String::new, |price| {
            format!(" at {price} {}", text(item, "currency").unwrap_or_default())
        });
        let name = text(item, "product_retailer_id").unwrap_or_else(|| "a product".into());
        format!("{} × {name}{}", item["quantity"].as_i64().unwrap_or(1), price.trim_end())
    };
    let items = content["product_items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let listed: Vec<String> = items.iter().take(PRODUCTS_MAX).map(product).collect();
    let shown = format!("[order: {}]", listed.join("; "));
    text(content, "text").map_or_else(|| shown.clone(), |words| format!("{words}\n{shown}"))
}

fn forwarded(message: &Value) -> &'static str {
    let context = &message["context"];
    let passed_on = context["forwarded"] == true || context["frequently_forwarded"] == true;
    if passed_on { "[forwarded] " } else { "" }
}

/// What led the person here: without it, "is it still available?" can't be answered.
fn advertisement(message: &Value) -> String {
    let referral = &message["referral"];
    let parts: Vec<String> = [text(referral, "headline"), text(referral, "body")].into_iter().flatten().collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("\n[came by the advertisement: {}]", parts.join(" – "))
    }
}
