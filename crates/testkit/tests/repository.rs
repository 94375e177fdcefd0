//! Rules about the repository itself: its map, its layers, its files, its dependencies. Standard library only.
//!
//! A smoke detector, no police force: a change may change a list here together with the reason.

#[cfg(test)]
mod rules {
    use crate::advisories::{Advisories, packages};
    use crate::source::{code_only, has, read, rust_files, text_files, there_is};

    /// Longest file of the product, in lines.
    const LONGEST_FILE: usize = 500;
    /// Longest map that is still read, in lines.
    const LONGEST_MAP: usize = 300;
    /// What handlers may name of the store, beside the reads that they call on `node.store`: nothing so far.
    const STORE_TYPES_OF_HANDLERS: &[&str] = &[];
    /// Handlers that make a write themselves instead of calling a flow. The list may only become shorter.
    const HANDLERS_THAT_WRITE: &[&str] = &[];
    /// What the core is made of. None of these does I/O.
    const CRATES_OF_THE_CORE: &str =
        "grantor-jose aws-lc-rs base64 crc32fast serde serde_json thiserror uuid zeroize";

    #[test]
    fn the_map_is_short_and_every_path_that_it_names_exists() {
        let map = read("ARCHITECTURE.md");
        assert!(map.lines().count() < LONGEST_MAP, "ARCHITECTURE.md has {} lines", map.lines().count());
        let in_backticks = map.split('`').skip(1).step_by(2);
        let named: Vec<&str> = in_backticks.filter(|text| is_path(text)).collect();
        let count = named.len();
        assert!(count >= 60, "only {count} paths: is the map still a map?");
        let missing: Vec<_> = named.iter().filter(|path| !there_is(path)).collect();
        assert!(missing.is_empty(), "these do not exist: {missing:?}");
    }

    /// `crates/server/src/node.rs`, `docs/cli.md`; not `POST /revoke`.
    fn is_path(text: &str) -> bool {
        let folders = ["crates/", "docs/", "bench/", "examples/", "tests-interop/"];
        folders.iter().any(|folder| text.starts_with(folder)) && !text.contains(['<', '*', ' '])
    }

    #[test]
    fn every_link_between_documents_leads_somewhere() {
        let mut dead = Vec::new();
        let mut links = 0;
        // Links of templates are filled in, and followed by the tests of the pages.
        let documents = |file: &&String| file.ends_with(".md") && !file.contains("/templates/");
        for file in text_files().iter().filter(documents) {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            for part in read(file).split("](").skip(1) {
                let target = part.split([')', '#']).next().unwrap_or("");
                let elsewhere = target.contains("://") || target.starts_with("mailto:");
                // A link of a template leads to where its value says.
                if target.is_empty() || elsewhere || target.starts_with("{{") {
                    continue;
                }
                links += 1;
                if !there_is(&format!("./{folder}/{target}")) {
                    dead.push(format!("{file}: {target}"));
                }
            }
        }
        assert!(dead.is_empty() && links > 10, "{links} links, of which lead nowhere: {dead:#?}");
    }

    #[test]
    fn every_test_that_the_coverage_of_the_specifications_names_is_there() {
        let document = read("docs/spec-coverage.md");
        let texts: Vec<(String, String)> =
            rust_files(&["crates"]).into_iter().map(|file| (module_of(&file), read(&file))).collect();
        let (mut missing, mut place, mut count) = (Vec::new(), String::new(), 0);
        for named in document.split('`').skip(1).step_by(2) {
            let Some((before, name)) = named.rsplit_once("::") else { continue };
            if before != ".." {
                let (crate_name, module) = before.split_once(' ').unwrap_or(("server", before));
                place = format!("{crate_name} {module}");
            }
            count += 1;
            let test = format!("fn {name}(");
            let is_there = |(module, text): &(String, String)| stands_in(module, &place) && has(text, &test);
            if !texts.iter().any(is_there) {
                missing.push(format!("{named} in {place}"));
            }
        }
        assert!(count > 300, "only {count} names: is the document still understood?");
        assert!(missing.is_empty(), "no test has these names: {missing:#?}");
    }

    /// `crates/core/tests/decisions/reply.rs` is `core tests::decisions::reply`.
    fn module_of(file: &str) -> String {
        let path = file.trim_start_matches("crates/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.replacen('/', " ", 1).replace('/', "::")
    }

    /// Whether a file is the module of a test, or has it inside, as `mod tests`.
    fn stands_in(module: &str, place: &str) -> bool {
        let (crate_name, path) = place.split_once(' ').unwrap_or(("", place));
        let ends = |path: &str| module.ends_with(&format!("::{path}"));
        let own_crate = module.split(' ').next() == Some(crate_name);
        own_crate && (ends(path) || path.strip_suffix("::tests").is_some_and(ends))
    }

    #[test]
    fn no_file_of_the_product_is_longer_than_five_hundred_lines() {
        let files = rust_files(&["crates", "bench"]).into_iter().filter(|file| file.contains("/src/"));
        let long: Vec<_> = files.filter(|file| read(file).lines().count() > LONGEST_FILE).collect();
        assert!(long.is_empty(), "look for the second noun in {long:?}");
    }

    #[test]
    fn nothing_is_left_unfinished_or_switched_off() {
        // Spelled in two parts, so that this file does not hold them.
        let marks = [["todo", "!"], ["unimplemented", "!"], ["#[ig", "nore"]].map(|parts| parts.concat());
        offences(&["crates", "bench"], &marks.join(" "), |_, _| false);
    }

    // `crate::{` would hide from the following rules which module is named, so it is not written in these folders.

    #[test]
    fn a_handler_knows_no_sql_and_of_the_store_only_reads() {
        let storage = "store:: rusqlite store.commit store.backup_to crate::{";
        let known = |_: &str, line: &str| STORE_TYPES_OF_HANDLERS.iter().any(|name| line.contains(name));
        offences(&["crates/server/src/http"], storage, known);
        let known = |file: &str, _: &str| HANDLERS_THAT_WRITE.contains(&file);
        offences(&["crates/server/src/http"], "Write::", known);
    }

    #[test]
    fn a_flow_knows_no_http() {
        let http = "http:: axum hyper reqwest cli:: StatusCode HeaderMap HeaderValue rusqlite crate::{";
        offences(&["crates/server/src/flow"], http, |_, _| false);
    }

    #[test]
    fn the_store_knows_nobody_above_it() {
        let above = "crate::flow crate::http crate::cli crate::node crate::cache crate::catalogue crate::keys \
                     crate::vault crate::jobs crate::{ axum hyper reqwest";
        offences(&["crates/server/src/store"], above, |_, _| false);
    }

    #[test]
    fn the_core_has_no_async_no_clock_and_no_io() {
        let outside = "async await tokio std::time std::fs std::io std::env std::thread std::process SystemTime \
                       thread_local axum hyper reqwest rusqlite";
        offences(&["crates/core/src"], outside, |_, _| false);
        let manifest = read("crates/core/Cargo.toml");
        let names: Vec<&str> = dependencies(&manifest, "[dependencies]").collect();
        assert!(names.contains(&"grantor-jose"), "the manifest was not understood: {names:?}");
        let new: Vec<_> =
            names.iter().filter(|name| !CRATES_OF_THE_CORE.split(' ').any(|known| known == **name)).collect();
        assert!(new.is_empty(), "the core depends on {new:?}");
    }

    #[test]
    fn libraries_that_bring_the_crate_rsa_are_for_tests_only() {
        let manifests = text_files().into_iter().filter(|file| file.ends_with("/Cargo.toml"));
        let taken = |file: &String| {
            let text = read(file);
            dependencies(&text, "[dependencies]").any(|name| matches!(name, "jsonwebtoken" | "openidconnect"))
        };
        let wrong: Vec<_> = manifests.filter(taken).collect();
        assert!(wrong.is_empty(), "{wrong:?}: a library of the tests brings the crate rsa into the product");
    }

    /// The names in one section of a manifest.
    fn dependencies<'m>(manifest: &'m str, section: &str) -> impl Iterator<Item = &'m str> {
        let section = manifest.split_once(section).map_or("", |(_, rest)| rest);
        let section = section.split("\n[").next().unwrap_or("");
        let lines = section.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.filter_map(|line| line.split(['.', ' ', '=']).next())
    }

    #[test]
    fn no_text_names_the_machine_that_it_was_written_on() {
        let places = [["/wo", "rk/"], ["../sha", "red"], ["/ro", "ot/"]].map(|parts| parts.concat());
        let files = text_files();
        assert!(files.len() > 100, "only {} files were found", files.len());
        let named = |file: &&String| places.iter().any(|place| read(file).contains(place));
        let found: Vec<_> = files.iter().filter(named).collect();
        assert!(found.is_empty(), "one of {places:?} stands in {found:#?}");
    }

    #[test]
    fn n07_no_dependency_is_older_than_the_fix_of_an_advisory() {
        let advisories = Advisories::parse(&read("docs/advisories.md"));
        let packages = packages(&read("Cargo.lock"));
        assert!(packages.len() > 100, "only {} packages: was the lock file understood?", packages.len());
        assert!(advisories.floors.len() > 30 && !advisories.wrapped.is_empty(), "was the list understood?");
        assert_eq!(advisories.violations(&packages), Vec::<String>::new());
    }

    #[test]
    fn every_dependency_comes_from_the_public_registry() {
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        let from_there = |source: &str| source == registry;
        for package in packages(&read("Cargo.lock")) {
            let good = package.source.as_deref().map_or(package.name.starts_with("grantor-"), from_there);
            assert!(good, "{} comes from {:?}", package.name, package.source);
        }
    }

    /// Fails if code in these folders has one of these names. Comments are not looked at.
    fn offences(folders: &[&str], forbidden: &str, allowed: impl Fn(&str, &str) -> bool) {
        let files = rust_files(folders);
        assert!(!files.is_empty(), "there is nothing in {folders:?}");
        let mut found = Vec::new();
        for file in &files {
            for (number, line) in code_only(&read(file)).lines().enumerate() {
                let named =
                    forbidden.split_whitespace().filter(|name| has(line, name) && !allowed(file, line));
                found.extend(named.map(|name| format!("{file}:{}: {name}", number + 1)));
            }
        }
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn the_detectors_see_what_is_planted() {
        let seen =
            code_only("let x = 1; // store::y\nlet y = \"a//b\"; store::z();\n/// async\nasync fn b() {}\n");
        let lines: Vec<&str> = seen.lines().collect();
        assert!(!has(lines[0], "store::") && has(lines[1], "store::"), "{seen}");
        assert!(!has(lines[2], "async") && has(lines[3], "async"), "{seen}");
        assert!(!has("restore::x()", "store::") && !has("asynchronous()", "async"), "whole names only");
        assert!(has("use crate::{a, b};", "crate::{") && has("node.store.commit(unit)", "store.commit"));
        assert!(is_path("crates/core/src/lib.rs") && !is_path("crates/<name>/x") && !is_path("POST /revoke"));
        let (inside, beside) =
            (module_of("crates/core/src/pkce.rs"), module_of("crates/server/src/http/mod.rs"));
        assert!(stands_in(&inside, "core pkce::tests") && stands_in(&inside, "core pkce"));
        assert!(
            !stands_in(&inside, "server pkce")
                && !stands_in(&inside, "core kce")
                && stands_in(&beside, "server http")
        );
        let manifest =
            "[dependencies]\na.workspace = true\n# b\nc = \"1\"\n\n[dev-dependencies]\nd = \"1\"\n";
        assert_eq!(dependencies(manifest, "[dependencies]").collect::<Vec<_>>(), ["a", "c"]);
    }
}

#[cfg(test)]
mod source {
    //! The files of the repository, and Rust code without its comments.

    use std::fs;
    use std::path::{Path, PathBuf};

    /// What is made, fetched or private, and so no part of the repository.
    const NOT_OURS: [&str; 6] = [".git", "target", "node_modules", "__pycache__", ".venv", "grantor-data"];

    fn at(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }

    /// A text file, named from the folder of the workspace.
    pub(crate) fn read(path: &str) -> String {
        fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Whether there is such a file or folder.
    pub(crate) fn there_is(path: &str) -> bool {
        at(path).exists()
    }

    /// Every text file.
    pub(crate) fn text_files() -> Vec<String> {
        let mut files = Vec::new();
        walk("", &mut files);
        files.retain(|file| fs::read(at(file)).is_ok_and(|bytes| std::str::from_utf8(&bytes).is_ok()));
        files
    }

    /// Every Rust file in some folders.
    pub(crate) fn rust_files(folders: &[&str]) -> Vec<String> {
        let mut files = Vec::new();
        folders.iter().for_each(|folder| walk(&format!("{folder}/"), &mut files));
        files.retain(|file| file.ends_with(".rs"));
        files
    }

    fn walk(folder: &str, files: &mut Vec<String>) {
        let entries = fs::read_dir(at(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        for entry in entries.map(|entry| entry.expect("a folder can be read to its end")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().expect("an entry has a type");
            if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                walk(&format!("{folder}{name}/"), files);
            } else if kind.is_file() {
                files.push(format!("{folder}{name}"));
            }
        }
    }

    /// The code without its comments; every line stays where it is. A `//` behind an odd number of quotation marks stands
    /// in a text. Good enough for a smoke detector: there are no block comments here.
    pub(crate) fn code_only(source: &str) -> String {
        let in_code = |line: &str, at: usize| line[..at].matches('"').count().is_multiple_of(2);
        let comment = |line: &str| line.match_indices("//").map(|(at, _)| at).find(|at| in_code(line, *at));
        let code = |line| format!("{}\n", comment(line).map_or(line, |at| &line[..at]));
        source.lines().map(code).collect()
    }

    /// Whether a line has this name, not as a part of a longer one.
    pub(crate) fn has(line: &str, name: &str) -> bool {
        let of_a_name = |c: char| c.is_alphanumeric() || c == '_';
        line.match_indices(name).any(|(at, _)| {
            let longer_before = name.starts_with(of_a_name) && line[..at].ends_with(of_a_name);
            let longer_behind = name.ends_with(of_a_name) && line[at + name.len()..].starts_with(of_a_name);
            !longer_before && !longer_behind
        })
    }
}

#[cfg(test)]
mod advisories {
    //! The lock file against the list of advisories in `docs/advisories.md`.

    /// A package of the lock file.
    #[derive(Default)]
    pub(crate) struct Package {
        pub(crate) name: String,
        version: String,
        pub(crate) source: Option<String>,
        dependencies: Vec<String>,
    }

    /// Reads a lock file as Cargo writes it: one item a line.
    pub(crate) fn packages(lock: &str) -> Vec<Package> {
        let package = |block: &str| {
            let mut package = Package::default();
            for line in block.lines() {
                let value = line.split('"').nth(1).unwrap_or("").to_owned();
                match line.split(' ').next() {
                    Some("name") => package.name = value,
                    Some("version") => package.version = value,
                    Some("source") => package.source = Some(value),
                    // ` "rand 0.8.6",` where there are several versions, ` "rand",` else.
                    Some("") => package.dependencies.extend(value.split(' ').next().map(str::to_owned)),
                    _ => {}
                }
            }
            package
        };
        lock.split("[[package]]").skip(1).map(package).collect()
    }

    /// What must not be in the lock file.
    pub(crate) struct Advisories {
        /// Crate, versions, advisory.
        pub(crate) floors: Vec<(String, Versions, String)>,
        /// Crates without a fixed version, and who alone may depend on them.
        pub(crate) wrapped: Vec<[String; 3]>,
    }

    /// Which versions an advisory is about.
    pub(crate) enum Versions {
        Any,
        Between(Version, Version),
    }

    /// Major, minor, patch, and 0 before or 1 at the release.
    type Version = [u64; 4];

    impl Advisories {
        /// Reads the two tables by their headings.
        pub(crate) fn parse(document: &str) -> Self {
            let floors = rows(document, "| crate | below | advisory | note |").into_iter();
            let floors = floors.map(|[name, below, id]| (name, Versions::parse(&below), id)).collect();
            Self { floors, wrapped: rows(document, "| crate | only through | advisory | note |") }
        }

        /// Every package that an advisory of the list is about.
        pub(crate) fn violations(&self, packages: &[Package]) -> Vec<String> {
            let mut found = Vec::new();
            for Package { name, version, dependencies, .. } in packages {
                let floors = self
                    .floors
                    .iter()
                    .filter(|(about, versions, _)| about == name && versions.contain(version));
                found.extend(floors.map(|(.., id)| format!("{name} {version}: {id}")));
                for [about, through, id] in &self.wrapped {
                    if dependencies.contains(about) && !through.split(", ").any(|one| one == name) {
                        found.push(format!("{name} depends on {about}: {id}"));
                    }
                }
            }
            found
        }
    }

    /// The first three cells of each row below a heading.
    fn rows(document: &str, heading: &str) -> Vec<[String; 3]> {
        let lines = document.lines().skip_while(|line| *line != heading).skip(2);
        let row = |line: &str| {
            let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            let [_, name, versions, id, _, _] = &cells[..] else { panic!("no row of {heading}: {line}") };
            [name.clone(), versions.clone(), id.clone()]
        };
        lines.take_while(|line| line.starts_with('|')).map(row).collect()
    }

    impl Versions {
        /// `any`, `1.2.3` (everything below), or `1.2.0..1.2.3` (from, below).
        fn parse(text: &str) -> Self {
            match text.split_once("..") {
                _ if text == "any" => Self::Any,
                Some((from, below)) => Self::Between(version(from), version(below)),
                None => Self::Between([0; 4], version(text)),
            }
        }

        fn contain(&self, text: &str) -> bool {
            match self {
                Self::Any => true,
                Self::Between(from, below) => (*from..*below).contains(&version(text)),
            }
        }
    }

    fn version(text: &str) -> Version {
        let text = text.split('+').next().unwrap_or(text);
        let (numbers, release) = text.split_once('-').map_or((text, 1), |(numbers, _)| (numbers, 0));
        let mut parts =
            numbers.split('.').map(|part| part.parse().unwrap_or_else(|_| panic!("no version: {text}")));
        let mut next = || parts.next().unwrap_or(0);
        [next(), next(), next(), release]
    }

    /// How many packages, given as name, version, dependency, offend a small list.
    fn violations(planted: &[(&str, &str, &str)]) -> usize {
        let list = "| crate | below | advisory | note |\n|---|\n| a | 1.2.10 | A-1 | x |\n| b | 0.9.0..0.9.3 | A-2 | x |\n\
                    | c | any | A-3 | x |\n\n| crate | only through | advisory | note |\n|---|\n| r | j, k | A-4 | x |";
        let block = |(name, version, needs): &(&str, &str, &str)| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = [\n \"{needs}\",\n]\n\n"
            )
        };
        let lock: String = planted.iter().map(block).collect();
        Advisories::parse(list).violations(&packages(&lock)).len()
    }

    #[test]
    fn a_version_below_the_fix_is_found_and_the_fix_is_not() {
        assert_eq!(violations(&[("a", "1.2.9", "x")]), 1, "compared as numbers, not as text");
        assert_eq!(violations(&[("a", "1.2.10", "x")]), 0);
        assert_eq!(violations(&[("a", "1.2.10-rc.1", "x")]), 1, "a candidate comes before its release");
        assert_eq!(violations(&[("a", "1.2.10+build.1", "x")]), 0);
        assert_eq!(
            violations(&[("a", "2.0.0", "x"), ("a", "0.1.0", "x")]),
            1,
            "each version of a crate counts"
        );
    }

    #[test]
    fn a_range_leaves_what_is_outside_of_it_alone() {
        let versions = [("b", "0.8.8", "x"), ("b", "0.9.3", "x"), ("b", "0.9.2", "x"), ("c", "99.0.0", "x")];
        assert_eq!(versions.map(|one| violations(&[one])), [0, 0, 1, 1]);
    }

    #[test]
    fn a_crate_without_a_fix_is_let_pass_only_through_those_who_are_named() {
        assert_eq!(violations(&[("j", "1.0.0", "r"), ("k", "1.0.0", "r 0.9.10")]), 0);
        assert_eq!(violations(&[("l", "1.0.0", "r")]), 1);
    }
}
