//! Sums: a small language of numbers, `+ - * / % ^` and parentheses, bounded in length and depth. Nothing else can be said.

/// Longest sum, in bytes.
const LENGTH_MAX: usize = 200;
const DEPTH_MAX: usize = 32;
/// Digits that are shown; a double has a few more, which are noise.
const DIGITS: usize = 12;

/// The value as text. The error is a sentence for the model.
pub fn calculate(sum: &str) -> Result<String, String> {
    if sum.len() > LENGTH_MAX {
        return Err(format!("A sum may have {LENGTH_MAX} characters at most."));
    }
    let plain = sum.replace(['×', '·'], "*").replace('÷', "/").replace('−', "-").replace("**", "^");
    let mut reader = Reader { rest: plain.as_str(), depth: 0 };
    let value = reader.terms()?;
    if !reader.next().is_empty() {
        return Err(unreadable());
    }
    if !value.is_finite() {
        return Err("The result is no number that can be written down.".into());
    }
    Ok(written(value))
}

fn unreadable() -> String {
    "The sum can't be read: it may hold numbers, + - * / % ^ and parentheses.".into()
}

fn written(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value:.0}").replace("-0", if value == 0.0 { "0" } else { "-0" });
    }
    let rounded: f64 = format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value);
    rounded.to_string()
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> &str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn takes(&mut self, sign: char) -> bool {
        match self.next().strip_prefix(sign).map(str::len) {
            Some(left) => {
                self.rest = &self.rest[self.rest.len() - left..];
                true
            }
            None => false,
        }
    }

    fn terms(&mut self) -> Result<f64, String> {
        let mut value = self.factors()?;
        loop {
            if self.takes('+') {
                value += self.factors()?;
            } else if self.takes('-') {
                value -= self.factors()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn factors(&mut self) -> Result<f64, String> {
        let mut value = self.signed()?;
        loop {
            if self.takes('*') {
                value *= self.signed()?;
            } else if self.takes('/') {
                value = divided(value, self.signed()?, |one, other| one / other)?;
            } else if self.takes('%') {
                value = divided(value, self.signed()?, |one, other| one % other)?;
            } else {
                return Ok(value);
            }
        }
    }

    /// `-2^2` is -4, as people write it.
    fn signed(&mut self) -> Result<f64, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(unreadable());
        }
        let value = if self.takes('-') {
            -self.signed()?
        } else if self.takes('+') {
            self.signed()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn power(&mut self) -> Result<f64, String> {
        let base = self.atom()?;
        if self.takes('^') { Ok(base.powf(self.signed()?)) } else { Ok(base) }
    }

    fn atom(&mut self) -> Result<f64, String> {
        if self.takes('(') {
            let value = self.terms()?;
            return if self.takes(')') { Ok(value) } else { Err(unreadable()) };
        }
        let rest = self.next();
        let length = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let value = rest[..length].parse().map_err(|_| unreadable())?;
        self.rest = &self.rest[length..];
        Ok(value)
    }
}

fn divided(one: f64, other: f64, by: impl Fn(f64, f64) -> f64) -> Result<f64, String> {
    if other == 0.0 { Err("Nothing can be divided by zero.".into()) } else { Ok(by(one, other)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_come_out_as_people_expect() {
        for (sum, value) in [
            ("17 * 23", "391"),
            ("17×23", "391"),
            ("0.1 + 0.2", "0.3"),
            ("1/3", "0.333333333333"),
            ("-2^2", "-4"),
            ("2^3^2", "512"),
            ("(1 + 2) * -3", "-9"),
            ("10 % 4", "2"),
            ("5 - 5", "0"),
            ("-0", "0"),
            ("2**10", "1024"),
            ("1000000 * 1000000", "1000000000000"),
        ] {
            assert_eq!(calculate(sum).as_deref(), Ok(value), "{sum}");
        }
    }

    #[test]
    fn what_is_no_sum_is_refused_quickly() {
        let deep = "(".repeat(100) + "1" + &")".repeat(100);
        let (signs, long) = ("-".repeat(150), "1+".repeat(1_000) + "1");
        for sum in [
            "",
            "1 +",
            "(1",
            "1)",
            "1 2",
            "a",
            "1e5",
            "sqrt(2)",
            "1/0",
            "1%0",
            "9^999^9",
            "import os",
            "1..2",
            ".",
            &deep,
            &signs,
            &long,
            "1;drop table",
            "٣+1",
        ] {
            assert!(calculate(sum).is_err(), "{sum}");
        }
    }
}
