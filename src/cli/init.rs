//! `ticketlake init`: a first configuration, from options or from answers at a terminal; never with a secret in it.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead, ErrorKind, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::ValueHint;
use serde_json::json;

use super::{Context, output};
use crate::{
    config::{
        Kind,
        draft::{self, Draft, SecretPlace, SourceDraft},
    },
    error::Error,
    exit::Exit,
};

const AFTER_HELP: &str = "\
The file is the one of --config, the lake that of --lake (else the folder `lake`), the source's name
that of --source. At a terminal, what is missing is asked for; elsewhere it is an error. A secret is
never asked for: the file says in which variable or file it will be found. A file that is there
already is replaced only with --force.

Examples:
  ticketlake init                                     asks
  ticketlake init --kind kf5 --source support --base-url https://support.kf5.com \\
      --email ops@example.com --password-env KF5_PASSWORD
  ticketlake init --kind udesk --source shop --base-url https://shop.udesk.cn \\
      --secret-file /run/secrets/udesk --config /etc/ticketlake.toml --lake /data/lake";

/// Write a commented configuration, by asking or from options
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The vendor of the help desk
    #[arg(long, value_parser = kind_parser())]
    pub kind: Option<String>,

    /// The address of the help desk
    #[arg(long, value_name = "URL", value_parser = checked(draft::check_url))]
    pub base_url: Option<String>,

    /// Who logs in
    #[arg(long, value_name = "ADDRESS", value_parser = checked(draft::check_email))]
    pub email: Option<String>,

    /// The environment variable that will hold the password
    #[arg(long, value_name = "NAME", group = "secret", value_parser = checked(draft::check_variable))]
    pub password_env: Option<String>,

    /// The file that will hold the password
    #[arg(long, value_name = "PATH", group = "secret", value_hint = ValueHint::FilePath)]
    pub password_file: Option<String>,

    /// The environment variable that will hold the API token
    #[arg(long, value_name = "NAME", group = "secret", value_parser = checked(draft::check_variable))]
    pub token_env: Option<String>,

    /// The file that will hold the API token
    #[arg(long, value_name = "PATH", group = "secret", value_hint = ValueHint::FilePath)]
    pub token_file: Option<String>,

    /// The environment variable that will hold the shared secret
    #[arg(long, value_name = "NAME", group = "secret", value_parser = checked(draft::check_variable))]
    pub secret_env: Option<String>,

    /// The file that will hold the shared secret
    #[arg(long, value_name = "PATH", group = "secret", value_hint = ValueHint::FilePath)]
    pub secret_file: Option<String>,

    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

fn kind_parser() -> clap::builder::PossibleValuesParser {
    Kind::ALL.map(Kind::name).into()
}

/// Takes an option's value as the configuration itself would.
fn checked(
    check: fn(&str) -> Result<(), String>,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| check(text).map(|()| text.to_owned())
}

/// Writes the file and says what comes next.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let file = context.global.config_file();
    if file.exists() && !args.force {
        return Err(Error::Usage(format!(
            "{} is there already; nothing was written: name another with --config, or replace it with --force",
            file.display()
        )));
    }
    let draft = match given(context, args)? {
        Some(draft) => draft,
        None => asked(context, args, &mut io::stdin().lock(), &mut io::stderr())?,
    };
    let text = draft::write(&draft, &file)?;
    put(&file, &text)?;
    tell(context, &file, &draft)?;
    Ok(Exit::Complete)
}

/// The draft that the options alone make; `None` where something is missing and somebody is there to be asked.
fn given(context: &Context, args: &Args) -> Result<Option<Draft>, Error> {
    if let [_, _, ..] = context.global.sources.as_slice() {
        let why = "--source: options describe one account; run `ticketlake init` at a terminal for several";
        return Err(Error::Usage(why.to_owned()));
    }
    let kind = args.kind.as_deref().and_then(named);
    let secret = secret(args);
    let mut missing = Vec::new();
    let mut needs = |there: bool, what: &str| {
        if !there {
            missing.push(what.to_owned())
        }
    };
    needs(kind.is_some(), "--kind");
    needs(!context.global.sources.is_empty(), "--source");
    needs(args.base_url.is_some(), "--base-url");
    if let Some(kind) = kind {
        needs(!draft::needs_email(kind) || args.email.is_some(), "--email");
        let keys = draft::secret_keys(kind).iter();
        let options: Vec<String> = keys.map(|key| format!("--{key}-env or --{key}-file")).collect();
        needs(secret.is_some(), &options.join(" or "));
    }
    if let (Some(kind), Some((key, _))) = (kind, &secret)
        && !draft::secret_keys(kind).contains(key)
    {
        let keys = draft::secret_keys(kind).join("` or `");
        return Err(Error::Usage(format!(
            "--{key}-…: a source of kind {} has `{keys}`, not `{key}`",
            kind.name()
        )));
    }
    match (kind, context.global.sources.first(), &args.base_url, secret) {
        (Some(kind), Some(name), Some(base_url), Some((key, place))) if missing.is_empty() => {
            let source = SourceDraft {
                name: name.clone(),
                kind,
                base_url: base_url.clone(),
                email: args.email.clone().filter(|_| draft::needs_email(kind)),
                secret_key: key.to_owned(),
                place,
            };
            Ok(Some(Draft {
                lake: lake(context).unwrap_or_else(|| "lake".to_owned()),
                sources: vec![source],
            }))
        }
        _ if io::stdin().is_terminal() && !context.global.json => Ok(None),
        _ => Err(Error::Usage(format!(
            "no terminal to ask at, and these are missing: {}; see `ticketlake help init`",
            missing.join(", ")
        ))),
    }
}

fn named(kind: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|known| known.name() == kind)
}

/// The key of the secret that the options give, and where it will be found.
fn secret(args: &Args) -> Option<(&'static str, SecretPlace)> {
    let of = |key, env: &Option<String>, file: &Option<String>| {
        let env = env.clone().map(SecretPlace::Env);
        env.or_else(|| file.clone().map(SecretPlace::File)).map(|place| (key, place))
    };
    of("password", &args.password_env, &args.password_file)
        .or_else(|| of("token", &args.token_env, &args.token_file))
        .or_else(|| of("secret", &args.secret_env, &args.secret_file))
}

/// The lake of the options, as the file is to name it: a relative path starts from the file's folder there.
fn lake(context: &Context) -> Option<String> {
    let lake = context.global.overrides().lake?;
    let elsewhere =
        context.global.config_file().parent().is_some_and(|folder| !folder.as_os_str().is_empty());
    let lake = if elsewhere { std::path::absolute(&lake).unwrap_or(lake) } else { lake };
    Some(lake.display().to_string())
}

/// Asks for everything that the options do not say, for one account after another.
fn asked(
    context: &Context,
    args: &Args,
    input: &mut impl BufRead,
    screen: &mut impl Write,
) -> Result<Draft, Error> {
    let any = |_: &str| Ok(());
    let lake = match lake(context) {
        Some(lake) => lake,
        None => ask(input, screen, "The folder of the lake", "lake", &any)?,
    };
    let mut sources: Vec<SourceDraft> = Vec::new();
    loop {
        // Options describe the first account.
        let first = sources.is_empty();
        let option = |value: &Option<String>| value.clone().filter(|_| first);
        let kinds = Kind::ALL.map(Kind::name).join(" or ");
        let kind = match option(&args.kind) {
            Some(kind) => kind,
            None => ask(input, screen, &format!("The help desk: {kinds}"), "", &|text| {
                named(text).map(|_| ()).ok_or_else(|| format!("is none of them; write {kinds}"))
            })?,
        };
        let Some(kind) = named(&kind) else { continue };
        let taken = |name: &str| match sources.iter().any(|source| source.name == name) {
            true => Err("is taken; each source needs a name of its own".to_owned()),
            false => draft::check_name(name),
        };
        let name = match context.global.sources.first().filter(|_| first) {
            Some(name) => name.clone(),
            None => ask(input, screen, "A name for it, which becomes a folder", kind.name(), &taken)?,
        };
        let base_url = match option(&args.base_url) {
            Some(url) => url,
            None => {
                let question = format!("Its address, as {}", draft::sample_url(kind));
                ask(input, screen, &question, "", &draft::check_url)?
            }
        };
        let email = match (draft::needs_email(kind), option(&args.email)) {
            (true, None) => {
                Some(ask(input, screen, "The e-mail address that logs in", "", &draft::check_email)?)
            }
            (needed, email) => email.filter(|_| needed),
        };
        let (secret_key, place) = match secret(args).filter(|_| first) {
            Some((key, place)) => (key.to_owned(), place),
            None => ask_secret(input, screen, kind, &name)?,
        };
        sources.push(SourceDraft { name, kind, base_url, email, secret_key, place });
        let more = ask(input, screen, "Another help desk? yes or no", "no", &any)?;
        if !more.to_lowercase().starts_with('y') {
            return Ok(Draft { lake, sources });
        }
    }
}

fn ask_secret(
    input: &mut impl BufRead,
    screen: &mut impl Write,
    kind: Kind,
    name: &str,
) -> Result<(String, SecretPlace), Error> {
    let keys = draft::secret_keys(kind);
    let usual = keys.first().copied().unwrap_or_default();
    let key = match keys {
        [_, _, ..] => {
            ask(input, screen, &format!("It logs in with: {}", keys.join(" or ")), usual, &|text| {
                keys.contains(&text)
                    .then_some(())
                    .ok_or_else(|| format!("is neither; write {}", keys.join(" or ")))
            })?
        }
        _ => usual.to_owned(),
    };
    let variable = format!("{name}_{key}").to_uppercase().replace('-', "_");
    let variable =
        if draft::check_variable(&variable).is_ok() { variable } else { format!("TICKETLAKE_{variable}") };
    let question = format!("Not the {key} itself: the variable that will hold it, or a file (with a /)");
    let place = ask(input, screen, &question, &variable, &|text| match text.contains('/') {
        true => Ok(()),
        false => draft::check_variable(text),
    })?;
    let place = if place.contains('/') { SecretPlace::File(place) } else { SecretPlace::Env(place) };
    Ok((key, place))
}

/// Asks until the answer is taken; an empty one is the default, where there is one.
fn ask(
    input: &mut impl BufRead,
    screen: &mut impl Write,
    question: &str,
    default: &str,
    check: &dyn Fn(&str) -> Result<(), String>,
) -> Result<String, Error> {
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    loop {
        // An answer can be given even where the question cannot be shown.
        let _ = write!(screen, "{question}{shown}: ").and_then(|()| screen.flush());
        let mut line = String::new();
        let read = input.read_line(&mut line).map_err(|why| output::cannot("the terminal", why))?;
        if read == 0 {
            return Err(Error::Usage("the answers ended early; nothing was written".to_owned()));
        }
        let answer = if line.trim().is_empty() { default } else { line.trim() };
        if answer.is_empty() {
            continue;
        }
        match check(answer) {
            Ok(()) => return Ok(answer.to_owned()),
            Err(why) => drop(writeln!(screen, "That {why}.")),
        }
    }
}

/// Puts the file in its place, whole.
fn put(file: &Path, text: &str) -> Result<(), Error> {
    let cannot = |why| output::cannot(&file.display().to_string(), why);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    let beside = PathBuf::from(format!("{}.{}.new", file.display(), std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&beside);
    let written = written.and_then(|mut new| new.write_all(text.as_bytes()).and_then(|()| new.sync_all()));
    let placed = written.and_then(|()| fs::rename(&beside, file));
    if placed.as_ref().is_err_and(|why| why.kind() != ErrorKind::AlreadyExists) {
        // Half a file is of no use.
        let _ = fs::remove_file(&beside);
    }
    placed.map_err(cannot)
}

fn tell(context: &Context, file: &Path, draft: &Draft) -> Result<(), Error> {
    if context.global.json {
        let sources = draft.sources.iter().map(|source| match &source.place {
            SecretPlace::Env(name) => json!({ "name": source.name, "secret": { "env": name } }),
            SecretPlace::File(path) => json!({ "name": source.name, "secret": { "file": path } }),
        });
        let sources: Vec<_> = sources.collect();
        return output::print_json(
            &json!({ "command": "init", "file": file.display().to_string(), "sources": sources }),
        );
    }
    let mut text = format!("{} is written. What comes next:\n", file.display());
    for source in &draft.sources {
        text += &match &source.place {
            SecretPlace::Env(name) => {
                format!("  put the {} of {} into ${name}\n", source.secret_key, source.name)
            }
            SecretPlace::File(path) => {
                format!("  put the {} of {} into {path}\n", source.secret_key, source.name)
            }
        };
    }
    let option = match file == Path::new(crate::config::DEFAULT_FILE) {
        true => String::new(),
        false => format!(" --config {}", file.display()),
    };
    text += &format!(
        "  ticketlake doctor{option}     tries everything\n  ticketlake sync{option}       the first run reads every ticket\n"
    );
    output::print(text)
}
