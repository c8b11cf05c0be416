# shellcheck shell=bash
# Lists of cores as the kernel writes them, such as 0-3,6. Read by tune_host.sh.
# shellcheck disable=SC2154,SC2034  # set by, or used in, its other parts

# The numbers in a list, one a line; status 1 if it isn't one.
expand_cpus() {
    local part
    [[ $1 =~ ^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$ ]] || return 1
    for part in ${1//,/ }; do
        seq "${part%-*}" "${part#*-}"
    done
}

# The list of the numbers on stdin, in the kernel's way of writing it, so that it reads back.
compress_cpus() {
    sort -nu | awk '
        function flush() { if (n++) printf ","; printf first == last ? first : first "-" last }
        NR == 1 { first = last = $1; next }
        $1 == last + 1 { last = $1; next }
        { flush(); first = last = $1 }
        END { if (NR) flush() }'
}

# A list on stdin, in any order, as the kernel writes it.
sort_cpus() {
    local list
    read -r list
    expand_cpus "$list" | compress_cpus
}

# Which of list $1 are in list $2, and which are not, as lists.
cpus_in() { comm -12 <(expand_cpus "$1" | sort) <(expand_cpus "$2" | sort) | compress_cpus; }
cpus_not_in() { comm -23 <(expand_cpus "$1" | sort) <(expand_cpus "$2" | sort) | compress_cpus; }

# Sets `cores` to those that trade and `others` to the rest, both as lists.
find_cores() {
    local online asked
    online=$(current /sys/devices/system/cpu/online) || online=''
    asked=$cores
    if [[ -n $asked ]]; then
        expand_cpus "$asked" >/dev/null ||
            fail "--cores: must be cores, as 2,3 or 2-5, was '$asked'"
        asked=$(expand_cpus "$asked" | compress_cpus)
        [[ -z $online || -z $(cpus_not_in "$asked" "$online") ]] ||
            fail "--cores: must be cores of this host ($online), was '$cores'"
    else
        asked=${needs[cores]:-}
        [[ -n $asked ]] || fail "hft cannot be asked for its default cores:" \
            "make build, or say --cores 0,1"
        [[ -z $online ]] || asked=$(cpus_in "$asked" "$online")
        [[ -n $asked ]] || fail "--cores: this host ($online) has none of hft.launch's" \
            "${needs[cores]}, name others"
        asked=$(expand_cpus "$asked" | compress_cpus)
    fi
    cores=$asked
    others=''
    [[ -z $online ]] || others=$(cpus_not_in "$online" "$cores")
}
