//! Half floats (IEEE 754 binary16), rounded to even as Python does.
//!
//! ```text
//! +-+-----+----------+
//! |S| Exp | Fraction |    1, 5 and 10 bits
//! +-+-----+----------+
//! ```

/// The nearest half float; `None` when a finite number is too large for one.
pub(crate) fn from_f64(number: f64) -> Option<u16> {
    let sign = if number.is_sign_negative() { 0x8000 } else { 0 };
    if number.is_nan() {
        return Some(sign | 0x7e00);
    }
    let size = number.abs();
    if size.is_infinite() {
        return Some(sign | 0x7c00);
    }
    // Below 2^-14 the steps are 2^-24; above, 2^-10 of the power of two below.
    let exponent = ((size.to_bits() >> 52) as i32 - 1023).max(-14);
    let steps = (size * 2f64.powi(10 - exponent)).round_ties_even() as u32;
    // Steps of 1024 to 2047 with the exponent in front; rounding up to 2048 carries into the exponent by itself.
    let bits = if steps < 1024 { steps } else { ((exponent + 14) as u32) * 1024 + steps };
    (bits < 0x7c00).then_some(sign | bits as u16)
}

/// The number of a half float.
pub(crate) fn to_f64(half: u16) -> f64 {
    let sign = if half & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 31), f64::from(half & 0x3ff));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction > 0.0 => f64::NAN.copysign(sign),
        31 => sign * f64::INFINITY,
        _ => sign * (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_comes_back() {
        for half in 0..=u16::MAX {
            let number = to_f64(half);
            if !number.is_nan() {
                assert_eq!(from_f64(number), Some(half), "{half:#06x}");
            }
        }
    }

    #[test]
    fn the_greatest_is_65504_and_ties_round_to_even() {
        assert_eq!(from_f64(65519.9), Some(0x7bff));
        assert_eq!(from_f64(65520.0), None);
        assert_eq!(from_f64(1.0 + 2f64.powi(-11)), Some(0x3c00));
        assert_eq!(from_f64(5e-324), Some(0));
    }
}
