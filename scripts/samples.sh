# shellcheck shell=bash
# Real documents to try with: the PDFs of Debian's own manuals; sourced by demo and bench.
: "${checkout:?samples.sh is sourced after lib.sh}"

sample_packages=(debian-policy developers-reference)

# samples_fetch: prints the paths of the PDFs, one a line; downloads and unpacks their packages the first time.
samples_fetch() {
    local folder=$SLUICE_HOME/samples/debian work how=() log=$SLUICE_HOME/log/samples.log
    if [[ ! -d $folder ]]; then
        command -v apt-get >/dev/null ||
            die "the sample documents are Debian packages, and there is no apt-get here; name documents of your own: scripts/demo PATH…"
        say "Fetching sample documents: ${sample_packages[*]}"
        work=$(mktemp -d "$SLUICE_HOME/samples/.XXXXXX")
        if ! (cd "$work" && apt-get download "${sample_packages[@]}") >"$log" 2>&1 </dev/null; then
            ((EUID == 0)) || how=(sudo -n)
            "${how[@]}" apt-get update >>"$log" 2>&1 </dev/null || true
            (cd "$work" && apt-get download "${sample_packages[@]}") >>"$log" 2>&1 </dev/null || {
                tail -n 5 "$log" >&2
                rm -rf "$work"
                die "could not download ${sample_packages[*]}; name documents of your own: scripts/demo PATH…"
            }
        fi
        local package
        mkdir "$work/out"
        for package in "$work"/*.deb; do
            # The manuals, none of the package's pictures, links and change logs.
            dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/out" --wildcards --no-anchored '*.pdf' '*.pdf.gz' 2>/dev/null || true
        done
        find "$work/out" -type f -name '*.pdf.gz' -exec gunzip {} +
        [[ -n $(find "$work/out" -type f -name '*.pdf' -print -quit) ]] || die "the packages ${sample_packages[*]} hold no PDF"
        mv "$work/out" "$folder"
        rm -rf "$work"
    fi
    find "$folder" -type f -name '*.pdf' | LC_ALL=C sort
}
