/// Countries whose agencies act together, so that one order may reach all of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bloc {
    /// Its name, as in domain names.
    pub name: &'static str,
    /// Its members (ISO 3166-1, lower case).
    pub members: &'static [&'static str],
    /// Where membership is stated.
    pub source: &'static str,
    /// When that was read.
    pub date: &'static str,
}

const BLOCS: [Bloc; 2] = [
    Bloc {
        name: "five-eyes",
        members: &["au", "ca", "gb", "nz", "us"],
        source: "https://www.dni.gov/index.php/ncsc-how-we-work/217-about/organization/icig-pages/2660-icig-fiorc",
        date: "2026-11-21",
    },
    Bloc {
        name: "eu",
        members: &[
            "at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu",
            "ie", "it", "lt", "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk",
        ],
        source: "https://european-union.europa.eu/principles-countries-history/eu-countries_en",
        date: "2026-11-21",
    },
];

/// The blocs a country belongs to.
pub fn blocs_of(country: &str) -> impl Iterator<Item = &'static Bloc> + use<'_> {
    BLOCS
        .iter()
        .filter(move |bloc| bloc.members.contains(&country))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_countries_in_order_and_each_once() {
        for bloc in BLOCS {
            assert!(bloc.members.is_sorted());
            for member in bloc.members {
                assert_eq!(blocs_of(member).count(), 1, "{member}");
            }
        }
        assert_eq!(blocs_of("ch").count(), 0);
    }
}
