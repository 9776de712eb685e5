//! What mails say, in plain text.

use shared::{
    db::mails::{Mail, Waiting},
    ids::MailId,
};

/// A mail as its reader will see it.
pub struct Letter {
    pub id: MailId,
    pub to: String,
    pub subject: String,
    pub text: String,
}

pub fn write(id: MailId, waiting: &Waiting) -> Letter {
    let (subject, text) = said(&waiting.mail);
    Letter { id, to: waiting.to.clone(), subject, text: format!("Hello,\n\n{text}\n\nKonstruct\n") }
}

fn said(mail: &Mail) -> (String, String) {
    match mail {
        Mail::VerifyAddress { link } => (
            "Is this your address?".into(),
            format!(
                "Somebody signed up at Konstruct with this address. If it was you, open this link:\n\n{link}\n\n\
                 If it was not, do nothing."
            ),
        ),
        Mail::AccountExists { link } => (
            "You have an account already".into(),
            format!(
                "Somebody signed up at Konstruct with this address, which has an account already. Sign in here, or have \
                 your password reset:\n\n{link}\n\nIf it was not you, do nothing."
            ),
        ),
        Mail::ResetPassword { link } => (
            "A new password".into(),
            format!(
                "To choose a new password, open this link:\n\n{link}\n\nIf you did not ask for it, do nothing."
            ),
        ),
        Mail::Invitation { tenant, link } => (
            format!("You are invited to {}", one_line(tenant)),
            format!("{tenant} invites you to Konstruct. To join, open this link:\n\n{link}"),
        ),
        Mail::SessionStolen { device } => (
            "A device was signed out".into(),
            format!(
                "A sign-in that had been replaced was used again: somebody may have copied it. We signed this device \
                 out:\n\n{device}\n\nIf it is yours, sign in again. If you do not know it, change your password."
            ),
        ),
        Mail::ProviderConnected { provider } => (
            "A new way to sign in".into(),
            format!(
                "Your account at Konstruct can be entered by way of {} now. If it was not you who connected it, remove it \
                 under your account, and change your password.",
                one_line(provider)
            ),
        ),
        Mail::Notice { subject, body, link } => {
            let again = link.as_ref().map(|link| {
                format!(
                    "\n\nTo connect it again, open this link within seven days, as somebody who may install apps \
                     there:\n\n{link}"
                )
            });
            (one_line(subject), format!("{body}{}", again.unwrap_or_default()))
        }
    }
}

/// A name that others chose is no way to a header of their own.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_197_a_tenants_name_can_not_break_out_of_the_subject() {
        let mail = Mail::Invitation { tenant: "Acme\r\nBcc: all@example.com".into(), link: "https://k".into() };
        let letter = write(MailId::new(), &Waiting { to: "ada@example.com".into(), mail });
        assert_eq!(letter.subject, "You are invited to Acme  Bcc: all@example.com");
    }

    #[test]
    fn every_mail_with_a_link_shows_it() {
        let link = || "https://konstruct.example.com/x#token=t".to_owned();
        for mail in [
            Mail::VerifyAddress { link: link() },
            Mail::AccountExists { link: link() },
            Mail::ResetPassword { link: link() },
            Mail::Invitation { tenant: "Acme".into(), link: link() },
            Mail::Notice { subject: "S".into(), body: "B.".into(), link: Some(link()) },
        ] {
            let letter = write(MailId::new(), &Waiting { to: "ada@example.com".into(), mail });
            assert!(letter.text.contains(&format!("\n{}\n", link())), "{}", letter.text);
            assert!(!letter.subject.is_empty());
        }
    }
}
