#!/usr/bin/env bash
# Tune this host for hft, and undo it. What is set, to what and why: tune_host/settings.sh;
# how a change is remembered and undone: tune_host/changes.sh; how it outlives a reboot:
# tune_host/persist.sh. For people: docs/tuning.md.
set -uo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$here/../.venv/bin/python
# shellcheck source-path=SCRIPTDIR
. "$here/tune_host/cpus.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/tune_host/survey.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/tune_host/settings.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/tune_host/changes.sh"
# shellcheck source-path=SCRIPTDIR
. "$here/tune_host/persist.sh"

usage() {
    cat <<'USAGE'
usage: tools/tune_host.sh --check|--apply|--persist|--revert [options]

  --check          what this host has, what is recommended, and why; changes nothing
  --apply          set what can be set, until the next reboot
  --persist        the same, and keep it: sysctl.d, limits.d, a systemd unit, a grub.d file
  --revert         undo what --apply and --persist did, and nothing else
  --table          the settings as a Markdown table, for --cores

  --cores LIST     the cores that trade, as 2,3 or 2-5 (default: as hft.launch's, if they exist)
  --only NAME,...  these settings or groups alone, by the names that --check shows
  --dry-run        say what --apply, --persist or --revert would do
  --state DIR      where the old values are kept (default: /var/lib/hft)
  --root DIR       a file tree to work on in place of / (for tests)

exit code: 0 all is as recommended, or was done; 1 something can be improved, or could not be
done; 2 wrong usage, or no right to begin
USAGE
}

fail() {
    echo "tune_host: error: $*" >&2
    exit 2
}

say() { printf '%s\n' "$*"; }

# A value of an option that must have one.
value_of() {
    [[ -n ${2:-} && $2 != --* ]] || fail "$1: must be followed by $3"
}

command='' root='' state='' cores='' only='' dry_run=''
while (($#)); do
    case $1 in
        --check | --apply | --persist | --revert | --table)
            [[ -z $command ]] || fail "$1: $command is given already, choose one"
            command=$1
            ;;
        --cores)
            value_of "$1" "${2:-}" "cores, as 2,3 or 2-5"
            cores=$2
            shift
            ;;
        --only)
            value_of "$1" "${2:-}" "names of settings"
            only=$2
            shift
            ;;
        --state)
            value_of "$1" "${2:-}" "a directory"
            state=$2
            shift
            ;;
        --root)
            value_of "$1" "${2:-}" "a directory"
            [[ -d $2 ]] || fail "--root: must be a directory, was '$2'"
            root=${2%/}
            shift
            ;;
        --dry-run) dry_run=1 ;;
        -h | --help)
            usage
            exit 0
            ;;
        *) fail "unknown option '$1'; --help lists them" ;;
    esac
    shift
done
[[ -n $command ]] || fail "say --check, --apply, --persist or --revert; --help tells more"
[[ -z $dry_run || $command == --@(apply|persist|revert) ]] ||
    fail "--dry-run: $command changes nothing anyway"
[[ $command != --revert || -z $cores$only ]] || fail "--revert undoes all: no --cores, no --only"
[[ $command == --@(check|table) || -n $root || -n $dry_run ]] || ((EUID == 0)) ||
    fail "$command: must be run as root; --dry-run shows what it would do"
state=${state:-$root/var/lib/hft}

if [[ $command == --revert ]]; then
    revert
    exit
fi

if [[ $command == --table ]]; then
    [[ -n $cores ]] || fail "--table: say which --cores"
else
    find_needs
fi
find_cores
survey
case $command in
    --check) show_rows ;;
    --table) show_table ;;
    --apply) apply ;;
    --persist) persist ;;
esac
