#!/bin/bash
# Divides a job of vitvideo over a Slurm cluster: an array, a task for every part, and the join once all are done.
set -euo pipefail

usage() {
    cat <<'END'
usage: vitvideo-array.sh (--parts N | --minutes M) [OPTION OF SBATCH]... -- ARGUMENT OF VITVIDEO...

  --parts N     the job has N parts, each a task of the array
  --minutes M   so many parts that each takes about M minutes: the job itself runs as one task first, for as long as
                --measure says, and what it computes counts
  --measure S   seconds of that run (60)

    vitvideo-array.sh --parts 16 --cpus-per-task=16 --mem=8G -- long.mp4 -o out.mp4 --export maps.npz
    vitvideo-array.sh --parts 16 -- batch videos/ -o out/

Paths are those of the directory it is called in, which all nodes must see. Options of sbatch are taken for parts and
join, and have to have their values behind an equals sign. A task whose node fails is queued again. The same command
once more computes what is missing. VITVIDEO names the program where it is not vitvideo.
END
}

refuse() {
    echo "vitvideo-array.sh: $1" >&2
    exit 64
}

program=${VITVIDEO:-vitvideo}
parts=
minutes=
measure=60
options=()
while (($# > 0)) && [[ $1 != -- ]]; do
    case $1 in
        -h | --help)
            usage
            exit
            ;;
        --parts | --minutes | --measure)
            (($# > 1)) || refuse "$1 needs a number"
            printf -v "${1#--}" %s "$2"
            shift
            ;;
        -*) options+=("$1") ;;
        *) refuse "'$1' stands before --; write --option=value for sbatch, and vitvideo's arguments after --" ;;
    esac
    shift
done
(($# > 1)) || refuse "no arguments for vitvideo after --"
shift
[[ -n $parts$minutes && -z ${parts:+$minutes} ]] || refuse "give one of --parts and --minutes"
[[ -z $parts || $parts =~ ^[1-9][0-9]*$ ]] || refuse "--parts is a number from 1"
[[ -z $minutes || $minutes =~ ^[0-9]*\.?[0-9]*[1-9][0-9]*$ ]] || refuse "--minutes is a number above 0"
[[ $measure =~ ^[1-9][0-9]*$ ]] || refuse "--measure is a number of seconds from 1"
arguments=("$@")
# Of many videos some may fail, and the others are joined all the same.
after=afterok
if [[ $1 = batch ]]; then
    after=afterany
    [[ -z $minutes ]] || refuse "--minutes measures one job, and batch is many; give --parts"
fi

# Runs the job as one task for a while and prints how many parts the rest of it has; none where it is done.
measure_parts() {
    local progress status=0
    progress=$(mktemp)
    # Of sbatch's options --output would take the progress away.
    srun --job-name=vitvideo --ntasks=1 "${options[@]}" --output=all --error=all timeout --signal=INT "$measure" \
        "$program" "${arguments[@]}" --resume --progress json 2>"$progress" || status=$?
    # 124 is the end of the time.
    if ((status != 124 && status != 0)); then
        cat "$progress" >&2
        rm "$progress"
        return "$status"
    fi
    # The last line of progress: {"frames":40,"frame":39,"total":396,"fps":10.5,…}
    ((status == 0)) || sed -n 's/.*"frames":\([0-9]*\),.*"total":\([0-9]*\),"fps":\([0-9.]*\).*/\1 \2 \3/p' \
        "$progress" | tail -n 1 | awk -v minutes="$minutes" '
            function ceiling(x) { return x > int(x) ? int(x) + 1 : int(x) }
            $3 > 0 && $2 > $1 { print ceiling(($2 - $1) / $3 / 60 / minutes) }'
    rm "$progress"
    return "$status"
}

if [[ -n $minutes ]]; then
    status=0
    parts=$(measure_parts) || status=$?
    if ((status == 0)); then
        echo "done within $measure s; there is nothing to divide"
        exit
    fi
    ((status == 124)) || exit "$status"
    [[ -n $parts ]] || refuse "no frame was done within $measure s; give --parts, or more to --measure"
fi

# submit OPTION OF SBATCH... -- ARGUMENT OF VITVIDEO...: prints the number of the job.
submit() {
    local own=() job
    while [[ $1 != -- ]]; do
        own+=("$1")
        shift
    done
    shift
    job=$({
        printf '#!/bin/bash\nexec'
        printf ' %q' "$program" "${arguments[@]}" --resume "$@"
        echo
    } | sbatch --parsable --job-name=vitvideo --requeue --open-mode=append "${options[@]}" "${own[@]}")
    # The name of the cluster may follow.
    echo "${job%%;*}"
}

# submit_after JOB ...: where that job cannot end well and has to, this one leaves the queue.
submit_after() { submit --dependency="$after:$1" --kill-on-invalid-dep=yes "${@:2}"; }

# A scale that follows the frames is known when all maps are: one pass over the parts finds it, another draws.
passes=1
for index in "${!arguments[@]}"; do
    [[ "${arguments[index]} ${arguments[index + 1]:-}" = "--scale smooth"* ]] && passes=2
    [[ ${arguments[index]} = --scale=smooth* ]] && passes=2
done

array=$(submit --array="1-$parts" -- --part auto)
echo "array $array: $parts parts"
if ((passes == 2)); then
    array=$(submit_after "$array" --array="1-$parts" -- --part auto)
    echo "array $array: the same parts, drawn with the scale of all"
fi
join=$(submit_after "$array" -- --join-only)
echo "join $join"
