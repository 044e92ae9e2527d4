#!/bin/sh
# From a teacher to a student. Usage: run.sh TEACHER TEXT [MINUTES]
#   TEACHER  a model to import: a directory, or a name on the Hugging Face hub
#   TEXT     lines of English that the student learns from; the last 100 are kept for the test
# Everything goes into the current directory; the same command again goes on where it stopped.
set -eu
here=$(dirname "$0") teacher=$1 text=$2 minutes=${3:-600}
test -e teacher || mtkit import "$teacher" -o teacher
tail -n 100 "$text" > test.en
head -n -100 "$text" > text.en
test -e test.taught || mtkit translate -m teacher -i test.en -o test.taught -b 4
mtkit forge distill "$here/recipe.yaml" -m teacher -i text.en -b 4 -o forged
mtkit train "$here/recipe.yaml" -o student --minutes "$minutes"
mtkit export -m student --to ctranslate2 --quantization int8
for model in teacher student; do
    mtkit describe -m $model | grep -E '^  (all|translation)'
done
mtkit evaluate -m teacher -i test.en --ref test.taught -b 1
mtkit evaluate -m student --precision fp32
mtkit evaluate -m student --precision int8
