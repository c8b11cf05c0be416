# shellcheck shell=bash
# What the host has beside what it should have, as rows to show and changes to make. Read by
# tune_host.sh.
# shellcheck disable=SC2154,SC2034  # set by, or used in, its other parts

# A row's verdict: good; improve: --apply does it; by hand: the row's note says how; locked:
# this host does not let it be changed; absent: this host has no such thing.
row_group=() row_name=() row_here=() row_want=() row_verdict=() row_why=() row_note=()
# What --apply writes, in this order.
change_name=() change_path=() change_value=()
declare -A needs=() # what hft needs of a host: tools/host_needs.py
known=" "           # all groups and settings there are

# Asks hft for what it needs; without a build, what depends on it is left out.
find_needs() {
    local name value
    while read -r name value; do
        needs[$name]=$value
    done < <(cd "$here/.." && "$python" -m tools.host_needs 2>/dev/null)
}

# The value in a file: what is chosen, of a file such as "always [madvise] never".
current() {
    local text
    { text=$(<"$root$1"); } 2>/dev/null || return 1
    [[ $text =~ \[([a-z_+]+)\] ]] && text=${BASH_REMATCH[1]}
    printf '%s' "$text"
}

# With one blank between words: the kernel writes tabs where it takes blanks.
flat() {
    local words
    read -ra words <<<"$1"
    printf '%s' "${words[*]}"
}

# Whether a file can be written. Root may open what has no write bit, but sysfs refuses it.
writable() {
    [[ -w $root$1 && $(stat -L -c %A "$root$1") == *w* ]]
}

# Is this setting, of this group, to be looked at? All names are noted, to check --only.
chosen() {
    known+="$1 $2 "
    [[ -z $only || ,$only, == *,$1,* || ,$only, == *,$2,* ]]
}

# report GROUP NAME HERE WANT VERDICT WHY [NOTE]: a row; the note is about this host.
report() {
    row_group+=("$1") row_name+=("$2") row_here+=("$3") row_want+=("$4")
    row_verdict+=("$5") row_why+=("$6") row_note+=("${7:-}")
}

# What to write for RULE WANT, the file having VALUE; nothing if that is good.
next_value() {
    local rule=$1 want=$2 value=$3 words
    case $rule in
        is) [[ $value == "$want" ]] || printf '%s' "$want" ;;
        at_least) [[ $value =~ ^[0-9]+$ && $value -ge $want ]] || printf '%s' "$want" ;;
        at_most) [[ $value =~ ^[0-9]+$ && $value -le $want ]] || printf '%s' "$want" ;;
        third_at_least) # of least, default, most
            read -ra words <<<"$value"
            ((${words[2]:-0} >= want)) || printf '%s %s %s' "${words[0]}" "${words[1]}" "$want"
            ;;
        latency) # 0 is no limit at all, "n/a" that none is tolerated
            [[ $value == n/a || ($value =~ ^[1-9][0-9]*$ && $value -le $want) ]] ||
                printf '%s' "$want"
            ;;
    esac
}

# setting GROUP NAME RULE WANT WHY PATH...: a value that is to be in the files, those that exist.
# $absent says what it means that there are none, if it isn't that this kernel lacks them.
setting() {
    local group=$1 name=$2 rule=$3 want=$4 why=$5 path value next shown verdict='' note=''
    local here_values=()
    shift 5
    chosen "$group" "$name" || return 0
    for path in "$@"; do
        [[ -n $path && -e $root$path ]] || continue
        if ! value=$(current "$path"); then
            verdict=locked
            here_values+=("unreadable")
            continue
        fi
        shown=$value
        [[ $rule != third_at_least ]] || shown=$(awk '{ print $3 }' <<<"$value")
        [[ " ${here_values[*]} " == *" $shown "* ]] || here_values+=("$shown")
        next=$(next_value "$rule" "$want" "$value")
        if [[ -z $next ]]; then
            verdict=${verdict:-good}
        elif { ((EUID == 0)) || [[ -n $root ]]; } && ! writable "$path"; then
            [[ $verdict == improve ]] || verdict=locked
        else
            verdict=improve
            change_name+=("$name") change_path+=("$path") change_value+=("$next")
        fi
    done
    if [[ -z $verdict ]]; then
        note=${absent:-this kernel has no ${1:-such thing}}
        report "$group" "$name" - "$want" absent "$why" "$note"
        return
    fi
    [[ $verdict != locked ]] || note="this host does not let it be changed"
    shown=${here_values[*]}
    report "$group" "$name" "${shown// /,}" "$want" "$verdict" "$why" "$note"
}

survey() {
    local name
    settings
    [[ -z $only ]] || for name in ${only//,/ }; do
        [[ $known == *" $name "* ]] ||
            fail "--only: there is no setting '$name'; --check shows them"
    done
}

# The rows as people read them: on a narrow terminal the reason has lines of its own. Status 1 if
# something can be improved.
show_rows() {
    local columns at group='' text line verdict indent width lead why
    local -A count=([good]=0 [improve]=0 ["by hand"]=0 [locked]=0 [absent]=0)
    columns=${COLUMNS:-}
    [[ -n $columns || ! -t 1 ]] || columns=$(stty size 2>/dev/null </dev/tty | cut -d' ' -f2)
    [[ $columns =~ ^[1-9][0-9]*$ ]] || columns=80
    indent=10
    ((columns < 110)) || indent=62
    width=$((columns - indent > 30 ? columns - indent : 30))
    say "cores that trade: $cores; the others: ${others:-none}"
    for at in "${!row_name[@]}"; do
        verdict=${row_verdict[at]}
        count[$verdict]=$((count[$verdict] + 1))
        [[ ${row_group[at]} == "$group" ]] || printf '\n%s\n' "${row_group[at]}"
        group=${row_group[at]}
        why=${row_note[at]:+${row_note[at]}; }${row_why[at]}
        [[ $verdict != absent ]] || why=${row_note[at]}
        text="${row_here[at]} -> ${row_want[at]}"
        [[ $verdict != good ]] || text=${row_here[at]}
        printf -v lead '%-9s %-25s %-25s ' "$verdict" "${row_name[at]}" "$text"
        if ((indent > 10 && ${#lead} <= indent)); then
            printf '%-*s' "$indent" "$lead"
        else
            printf '%s\n%*s' "${lead%"${lead##*[! ]}"}" "$indent" ''
        fi
        # The first line is where the cursor is.
        text=''
        while read -r line; do
            printf '%s%s\n' "$text" "$line"
            printf -v text '%*s' "$indent" ''
        done < <(fold -s -w "$width" <<<"$why")
    done
    printf '\n%s good, %s to improve with --apply, %s by hand, %s locked, %s absent\n' \
        "${count[good]}" "${count[improve]}" "${count["by hand"]}" "${count[locked]}" \
        "${count[absent]}"
    ((count[improve] + count["by hand"] + count[locked] == 0))
}

show_table() {
    local at
    say "| setting | recommended | why |"
    say "|---|---|---|"
    for at in "${!row_name[@]}"; do
        say "| \`${row_name[at]}\` | ${row_want[at]} | ${row_why[at]} |"
    done
}
