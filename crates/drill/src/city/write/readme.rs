//! The README that lies beside the files.

use super::Written;
use crate::city::City;

pub(super) fn text(city: &City, written: &Written) -> String {
    let options = city.options();
    format!(
        "\
# An invented city

{people} people in {households} households and {blocks} communities, {days} days from {start}, seed {seed}. Nobody and
nothing in it is real but the codes of Henan's counties and the census by which ages and households were drawn.
Resident IDs have area codes 419950 to 419999, which were never given out; telephones begin with 100.

| file | rows | what |
| --- | --- | --- |
| people.csv | {records} | the register: code, papers, telephones, guardian; with the faults of a register |
| facts.ndjson | {facts} | every fact, in order of recording; ids are labels such as `p0000012.3` |
| samples.csv, results.csv, arrivals.csv, symptoms.csv, other.ndjson | together {facts} | the same facts again, the mass kinds as tables |
| ledger.csv | {stays} | stays at places: person, place, enter, leave (seconds since 1970); no leave: never scanned out |
| places.csv | {places} | workplaces, classes, venues; a home has its household's number |
| truth.jsonl | {truths} | what really happened; for checking, never for import |

Import either facts.ndjson or the five files beside it, not both. `p0000012` is a person, `q0000012` a second record of
the same person, `b0000003` a community; the ledger calls `p0000012` 12. Facts name the record under which they were
filed. samples.csv and results.csv have local times without zone (Asia/Shanghai), as laboratories export them.
Nothing recorded after {end} 00:00 is in the files, though the truth may know of it.
",
        people = written.people,
        households = city.households().len(),
        blocks = city.blocks().len(),
        days = options.days,
        start = options.start_on,
        seed = options.seed,
        records = written.records,
        facts = written.facts,
        stays = written.stays,
        places = city.places().count() - city.places().homes(),
        truths = written.truths,
        end = city.day_after(),
    )
}
