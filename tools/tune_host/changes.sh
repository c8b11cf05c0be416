# shellcheck shell=bash
# Changes that can be undone. Read by tune_host.sh.
#
# The state file has a line for each change, written and synced before the change is made, so that
# a kill at any moment leaves nothing changed that is not in it:
#
#   value|BOOT|PATH|WAS|SET       a value of the kernel; BOOT names the boot in which it was set
#   got|PATH|VALUE                what the kernel made of it, if that is another value
#   refused|BOOT|PATH|SET         the kernel did not take it
#   file|PATH|BACKUP|SHA256       a file that we wrote, with that sum; BACKUP is "-" if it is new
#   link|PATH|TARGET              a symbolic link
#   dir|PATH, state-dir|PATH      a directory that was not there, the latter for the state itself
#
# Reverting goes through the lines from the end to the beginning. What somebody else has changed
# since is theirs, and stays.
# shellcheck disable=SC2154,SC2034  # set by, or used in, its other parts

failed=''          # anything that could not be done: the exit code is 1
touched_systemd='' # a unit's file has changed

state_file() { printf '%s/tune_host.state' "$state"; }

# Takes the state for this process alone; with "new", makes it if there is none.
open_state() {
    local missing=() path=$state
    if [[ ! -d $state ]]; then
        [[ ${1:-} == new ]] || return 0
        while [[ ! -d $path ]]; do
            missing=("$path" "${missing[@]}")
            path=$(dirname "$path")
        done
        mkdir -p "$state" 2>/dev/null || fail "--state: cannot make the directory '$state'"
    fi
    exec 9<"$state"
    flock -n 9 || fail "--state: another tune_host.sh works with '$state'"
    if [[ ${1:-} == new ]]; then
        { : >>"$(state_file)"; } 2>/dev/null || fail "--state: cannot write in '$state'"
        # A line that a crash cut off was of a change that was not made.
        [[ -z $(tail -c 1 "$(state_file)") ]] || sed -i '$d' "$(state_file)"
    fi
    ((${#missing[@]} == 0)) || record "$(printf 'state-dir|%s\n' "${missing[@]}")"
}

fail_state() { fail "--state: cannot write in '$state'; nothing more is changed"; }

record() {
    { printf '%s\n' "$1" >>"$(state_file)" && sync "$(state_file)"; } || fail_state
}

boot_id() { current /proc/sys/kernel/random/boot_id || printf unknown; }

was_refused() {
    [[ -r $(state_file) ]] && grep -qxF "refused|$(boot_id)|$1|$others" "$(state_file)"
}

# Writes a value to a file of the kernel; status 1 if it is refused.
write_value() {
    { printf '%s\n' "$2" >"$root$1"; } 2>/dev/null
}

# One change of a setting, remembered first. Leaves what the file had, and has, in was and got.
change() {
    local path=$1 value=$2
    was=$(current "$path")
    record "value|$(boot_id)|$path|$was|$value"
    if ! write_value "$path" "$value"; then
        record "refused|$(boot_id)|$path|$value"
        return 1
    fi
    got=$(current "$path")
    [[ $(flat "$got") == "$value" ]] || record "got|$path|$got"
}

# Makes all changes of the survey; a line for each setting.
make_changes() {
    local at name last='' was got shown='' less='' done=0 refused=0 settings=0
    tell() {
        if ((done > 0)); then
            say "$last: ${dry_run:+would be }$shown$less"
            settings=$((settings + 1))
        fi
        ((refused == 0)) || say "$last: the kernel refuses it for $refused of $((done + refused))"
    }
    for at in "${!change_name[@]}"; do
        name=${change_name[at]}
        if [[ $name != "$last" ]]; then
            tell
            last=$name done=0 refused=0 less=''
        fi
        was=$(current "${change_path[at]}") got=${change_value[at]}
        if [[ -z $dry_run ]] && ! change "${change_path[at]}" "${change_value[at]}"; then
            refused=$((refused + 1))
            # A device's own interrupts are not ours to move: no failure, and said in --check.
            [[ $name == interrupts ]] || failed=1
            continue
        fi
        shown="$(flat "$was") -> $(flat "$got")"
        if [[ $(flat "$got") != "${change_value[at]}" ]]; then
            failed=1 less=" (${change_value[at]} was asked for)"
        fi
        done=$((done + 1))
        ((done == 1)) || shown+=" ($done files)"
    done
    tell
    if [[ -n $dry_run ]]; then
        say "settings that would be changed: $settings"
    else
        say "settings changed: $settings$( ((settings == 0)) || echo " (--revert undoes it)")"
    fi
}

# What could not be done anything about, a line each.
tell_rest() {
    local at
    for at in "${!row_name[@]}"; do
        # Those two are of --persist.
        [[ $command != --persist || ${row_name[at]} != @(memlock|isolation) ]] || continue
        case ${row_verdict[at]} in
            absent | "by hand") ;;
            locked) failed=1 ;;
            *) continue ;;
        esac
        say "${row_name[at]}: ${row_verdict[at]}: ${row_note[at]}"
    done
}

touch_systemd() { [[ $1 != */systemd/system/* ]] || touched_systemd=1; }

has_row() { # NAME VERDICT
    local at
    for at in "${!row_name[@]}"; do
        [[ ${row_name[at]} != "$1" || ${row_verdict[at]} != "$2" ]] || return 0
    done
    return 1
}

apply() {
    [[ -n $dry_run ]] || open_state new
    # First: else it moves back what is moved now.
    ! has_row irqbalance improve || put_file "$irqbalance_now" "$(irqbalance_text)"
    make_changes
    tell_rest
    settle
    close_state
    [[ -z $failed ]]
}

# Leaves no empty state behind.
close_state() {
    [[ -n $dry_run ]] || grep -qsv '^state-dir|' "$(state_file)" || remove_state
}

# The folders that a file lacks, each remembered first.
make_folder_of() {
    local folder missing=()
    folder=$(dirname "$1")
    while [[ ! -d $root$folder ]]; do
        missing=("$folder" "${missing[@]}")
        folder=$(dirname "$folder")
    done
    for folder in "${missing[@]}"; do
        record "dir|$folder"
        mkdir "$root$folder" 2>/dev/null
    done
}

# A file of the system, written whole or not at all, remembered first.
put_file() {
    local path=$1 text=$2 backup=- sum number=1
    if [[ -f $root$path && $(<"$root$path") == "$text" ]]; then
        return
    fi
    say "$path: ${dry_run:+would be }written"
    [[ -z $dry_run ]] || return 0
    make_folder_of "$path"
    sum=$(sha256sum <<<"$text" | cut -d' ' -f1)
    if [[ -e $root$path ]]; then
        while [[ -e $state/tune_host.saved.$number ]]; do
            number=$((number + 1))
        done
        backup=tune_host.saved.$number
        { cp -p "$root$path" "$state/$backup" && sync "$state/$backup"; } || fail_state
    fi
    record "file|$path|$backup|$sum"
    touch_systemd "$path"
    if ! { printf '%s\n' "$text" >"$root$path.hft-new" && mv "$root$path.hft-new" "$root$path"; } \
        2>/dev/null; then
        say "$path: cannot be written"
        failed=1
    fi
}

put_link() {
    [[ ! -L $root$1 || $(readlink "$root$1") != "$2" ]] || return 0
    say "$1: ${dry_run:+would be }linked"
    [[ -z $dry_run ]] || return 0
    make_folder_of "$1"
    record "link|$1|$2"
    touch_systemd "$1"
    ln -s "$2" "$root$1" 2>/dev/null || { say "$1: cannot be linked" && failed=1; }
}

revert() {
    local lines=() kept=() folders=() at path rest kind others_irqs=0 restored=0
    local -A got=()
    open_state
    [[ ! -r $(state_file) ]] || mapfile -t lines <"$(state_file)"
    if ((${#lines[@]} == 0)); then
        say "nothing to revert: no change is remembered in $state"
        [[ -n $dry_run || ! -e $(state_file) ]] || remove_state
        return 0
    fi
    # A line that a crash cut off was of a change that was not made.
    [[ -z $(tail -c 1 "$(state_file)") ]] || unset 'lines[-1]'
    for ((at = ${#lines[@]} - 1; at >= 0; at--)); do
        IFS='|' read -r kind rest <<<"${lines[at]}"
        path=${rest%%|*}
        case $kind in
            value) revert_value "$rest" ;;
            got) got[$path]=${rest#*|} ;;
            file) revert_file "$rest" ;;
            link)
                if [[ -L $root$path && $(readlink "$root$path") == "${rest#*|}" ]]; then
                    say "$path: ${dry_run:+would be }removed"
                    touch_systemd "$path"
                    [[ -n $dry_run ]] || rm "$root$path" || keep
                fi
                ;;
            dir)
                folders=("${lines[at]}" "${folders[@]}")
                [[ -n $dry_run ]] || rmdir "$root$path" 2>/dev/null
                ;;
            state-dir) folders=("${lines[at]}" "${folders[@]}") ;;
        esac
    done
    ((others_irqs == 0)) || say "interrupts: $others_irqs changes were of an earlier boot"
    ((restored > 0)) || say "no value is other than before"
    settle
    [[ -z $dry_run ]] || return 0
    if ((${#kept[@]})); then
        printf '%s\n' "${folders[@]}" "${kept[@]}" >"$(state_file).new" &&
            mv "$(state_file).new" "$(state_file)"
        say "what could not be restored is still remembered in $state"
        return 1
    fi
    remove_state
}

# Remembers a line that could not be reverted; of revert's variables.
keep() { kept=("${lines[at]}" "${kept[@]}"); }

revert_value() {
    local boot path was set now
    IFS='|' read -r boot path was set <<<"$1"
    if ! now=$(current "$path"); then
        say "$path: is gone, was $was"
    elif [[ $path == /proc/irq/* && $boot != "$(boot_id)" ]]; then
        # The numbers are given anew at every boot.
        others_irqs=$((others_irqs + 1))
    elif [[ $now == "$was" ]]; then
        :
    elif [[ $(flat "$now") != "$set" && $now != "${got[$path]:-$set}" ]]; then
        say "$path: somebody else made it $now since, it stays (was $was)"
    elif [[ -n $dry_run ]]; then
        say "$path: would be $(flat "$now") -> $(flat "$was")"
        restored=1
    elif write_value "$path" "$was" && [[ $(current "$path") == "$was" ]]; then
        say "$path: $(flat "$now") -> $(flat "$was")"
        restored=1
    else
        say "$path: the kernel does not take $was back, it stays $(flat "$now")"
        [[ ! -v got[$path] ]] || kept=("got|$path|${got[$path]}" "${kept[@]}")
        keep
    fi
    unset "got[$path]"
}

revert_file() {
    local path backup sum now
    IFS='|' read -r path backup sum <<<"$1"
    [[ -n $dry_run ]] || rm -f "$root$path.hft-new"
    now=$(sha256sum 2>/dev/null <"$root$path" | cut -d' ' -f1)
    if [[ $now == "$sum" ]]; then
        say "$path: ${dry_run:+would be }$([[ $backup == - ]] && echo removed || echo restored)"
        restored=1
        touch_systemd "$path"
        if [[ -n $dry_run ]]; then
            return
        elif [[ $backup == - ]]; then
            rm "$root$path" || keep
        else
            { cp -p "$state/$backup" "$root$path.hft-new" &&
                mv "$root$path.hft-new" "$root$path"; } || keep
        fi
    elif [[ $backup != - && $now == "$(sha256sum 2>/dev/null <"$state/$backup" | cut -d' ' -f1)" ]]
    then
        : # not written yet, or restored already
    elif [[ -n $now ]]; then
        say "$path: somebody else changed it since, it stays"
    fi
}

remove_state() {
    local path made
    mapfile -t made < <(sed -n 's/^state-dir|//p' "$(state_file)" | tac)
    rm -f "$state"/tune_host.saved.* "$(state_file)"
    for path in "${made[@]}"; do
        rmdir "$path" 2>/dev/null
    done
    return 0
}
