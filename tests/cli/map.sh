#!/bin/sh
# Maps: what is written in each format, hostile labels, odd input, refusals.
. "$SRC/tests/cli/tap"

# 60 points of three kinds in 6 dimensions; labels that want to be something else.
awk 'BEGIN { print "60 6"; srand(4); for (i = 0; i < 60; i++) { printf "word%d", i
  for (j = 0; j < 6; j++) printf " %.4f", (j == i % 3 ? 3 : 0) + rand(); print "" } }' >v.txt
exits "points" 0 "$LOCI" map v.txt
is "one a line" "$(printf '%s\n' "$out" | wc -l)" 60
like "with what they are called" "$out" "word0	*	*	*word*, word*, word*"
like "and how much they are distorted" "$err" "*60 points, t-SNE (perplexity 19.6667, 850 epochs), cosine*distorted*(trustworthiness 0.*"
for method in pca tsne umap; do
  exits "$method" 0 "$LOCI" map v.txt --method $method --json $method.json -q
  is "is $method" "$(json .method <$method.json)" $method
  LOCI_THREADS=1 "$LOCI" map v.txt --method $method --json one.json -q
  LOCI_THREADS=3 "$LOCI" map v.txt --method $method --json three.json -q
  yes "the same at 1 thread and 3" cmp one.json three.json
done
yes "and every time" cmp one.json umap.json
exits "another seed" 0 "$LOCI" map v.txt --method umap --seed 2 --json two.json -q
yes "is another map" sh -c '! cmp -s two.json umap.json'
is "n" "$(json .n <tsne.json)" 60
is "k" "$(json .neighbors.k <tsne.json)" 10
is "clusters" "$(json .clusters.count <tsne.json)" 5
exits "true neighbours" 0 "$LOCI" neighbors v.txt word0 -n 1
second=$(printf '%s' "$out" | cut -f2)
is "are those of the vectors" "word$(json '.neighbors.index.0' <tsne.json)" "$second"

# Hostile labels and metadata.
cat >evil.txt <<'X'
4 3
</script><script>alert(1)</script> 1 0 0
"=cmd|'/C 0 1 0
a&b,c 0 0 1
ok 1 1 0
X
printf '4 3\n</script>%s 1 0 0\n' "$(printf '\342\200\250')x" >sep.txt
printf 'q 0 1 0\nr 1 1 0\ns 0 0 1\n' >>sep.txt
printf '<html><script type="application/json" id="loci-map">@LOCI_MAP@</script>\n' >page.html
exits "a page of hostile labels" 0 "$LOCI" map evil.txt --html evil.html --template page.html --csv evil.csv -q
is "has the script's end once" "$(grep -o '</script>' evil.html | wc -l)" 1
unlike "and no ampersand in it" "$(cat evil.html)" '*&*'
sed 's/.*id="loci-map">//; s/<\/script>.*//' evil.html >evil.json
is "the document is whole" "$(json '.labels.0' <evil.json)" '</script><script>alert(1)</script>'
like "arrays are packed" "$(cat evil.json)" '*"x":{"type":"f32","length":4,"base64":"*'
like "quoted for CSV" "$(cat evil.csv)" '*"""=cmd|*"a&b,c",*'
exits "line separators" 0 "$LOCI" map sep.txt --html sep.html --template page.html -q
like "are escaped" "$(cat sep.html)" '*\u2028x*'
echo "no marker" >empty.html
exits "a page without the marker" 4 "$LOCI" map evil.txt --html x.html --template empty.html
like "is none" "$err" "*@LOCI_MAP@ 0 times*"
exits "no page" 5 "$LOCI" map evil.txt --html x.html --template none.html
cp "$LOCI" ./loci-alone 2>/dev/null
if [ ! -e "$BUILD/share/loci/map.html" ]; then
  exits "the page is not made yet" 4 "$LOCI" map evil.txt --html x.html
  like "says how" "$err" "*make web*"
else
  exits "the page" 0 "$LOCI" map evil.txt --html x.html -q
  is "is whole" "$(grep -c 'loci-map' x.html)" "$(grep -c 'loci-map' "$BUILD/share/loci/map.html")"
fi

# Base64 of little-endian words: the coordinates of --json.
exits "plain" 0 "$LOCI" map evil.txt --json - -q
printf '%s' "$out" >plain.json
json .x.base64 <evil.json | base64 -d | od -An -t f4 | tr -s ' \n' '\n\n' | sed '/^$/d' >packed.x
i=0
while read -r packed; do
  plain=$(json ".x.$i" <plain.json)
  yes "x $i is the same" awk -v a="$packed" -v b="$plain" 'BEGIN { d = a - b; exit !(d < 1e-3 && d > -1e-3) }'
  i=$((i + 1))
done <packed.x
is "all of x" $i 4

# Metadata.
{ echo "kind	size	note"; i=0; while [ $i -lt 60 ]; do echo "k$((i % 3))	$i	n$i"; i=$((i + 1)); done; } >m.tsv
exits "metadata" 0 "$LOCI" map v.txt --metadata m.tsv --json m.json --projector logs --method pca -q
is "categories" "$(json '.columns.0.kind' <m.json)" 'category'
is "in order" "$(json '.columns.0.categories.2' <m.json)" 'k2'
is "numbers" "$(json '.columns.1.kind' <m.json)" 'number'
is "texts" "$(json '.columns.2.values.59' <m.json)" 'n59'
is "tensors" "$(wc -l <logs/tensors.tsv)" 60
is "a number a field" "$(head -n 1 logs/tensors.tsv | tr '\t' '\n' | wc -l)" 6
is "metadata has a heading" "$(head -n 1 logs/metadata.tsv)" "$(printf 'label\tx\ty\tcluster\tkind\tsize\tnote')"
is "the projector's file" "$(json '.embeddings.0.tensorPath' <logs/projector_config.json)" 'tensors.tsv'
is "and shape" "$(json '.embeddings.0.tensorShape.1' <logs/projector_config.json)" 6
head -n 50 m.tsv >short.tsv
exits "too few lines" 4 "$LOCI" map v.txt --metadata short.tsv
like "are counted" "$err" "*has 50 lines*60*"
sed '3s/	[^	]*$//' m.tsv >ragged.tsv
exits "a short line" 4 "$LOCI" map v.txt --metadata ragged.tsv
like "is named" "$err" "*line 3: 2 columns*"
sed '1s/size/kind/' m.tsv >twice.tsv
exits "a name twice" 4 "$LOCI" map v.txt --metadata twice.tsv

# Odd input.
printf '1 3\nalone 1 2 3\n' >one.txt
exits "one point" 0 "$LOCI" map one.txt
like "lies at 0" "$out" "alone	0.000	0.000*"
like "and nothing is claimed" "$err" "*too few*"
printf '2 3\na 1 2 3\nb 3 2 1\n' >two.txt
for method in pca tsne umap; do
  exits "two points, $method" 0 "$LOCI" map two.txt --method $method
done
printf '6 3\na 1 2 3\nb 1 2 3\nc 1 2 3\nd 0 0 0\ne 0 0 0\nf 1 2 3\n' >same.txt
for method in pca tsne umap; do
  exits "equal points and zeros, $method" 0 "$LOCI" map same.txt --method $method
  unlike "are numbers" "$out" "*nan*"
done
printf '3 2\na 0 0\nb 0 0\nc 0 0\n' >zeros.txt
exits "zeros alone" 0 "$LOCI" map zeros.txt
printf '5 2\na 1 2\nb nan 1\nc 3 1\nd 1 inf\ne 2 2\n' >nan.txt
exits "numbers that are none" 0 "$LOCI" map nan.txt --json nan.json
like "have no place" "$err" "*2 vectors have no place*"
is "the others have" "$(json .n <nan.json)" 3
is "and are counted" "$(json .n_left_out <nan.json)" 2
is "in order" "$(json '.labels.1' <nan.json)" 'c'
printf '2 2\na nan 2\nb nan 1\n' >none.txt
exits "nothing but those" 2 "$LOCI" map none.txt
exits "hdbscan" 0 "$LOCI" map v.txt --cluster-method hdbscan --method pca --json h.json -q
is "is named" "$(json .clusters.method <h.json)" 'HDBSCAN'
exits "no clusters" 0 "$LOCI" map v.txt --cluster-method none --method pca --json - -q
is "are null" "$(echo "$out" | json .clusters)" null
exits "the first 10" 0 "$LOCI" map v.txt -n 10
is "are 10" "$(printf '%s\n' "$out" | wc -l)" 10
exits "perplexity is for t-SNE" 2 "$LOCI" map v.txt --method pca --perplexity 5
exits "-k is for k-means" 2 "$LOCI" map v.txt --cluster-method hdbscan -k 5
exits "a perplexity of 0" 2 "$LOCI" map v.txt --perplexity 0

# Many points: told before anything begins.
printf "\223NUMPY\001\000v\000{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1), }%58s\n" '' >many.npy
size=$(wc -c <many.npy)
dd if=/dev/zero of=many.npy bs=1 count=0 seek=$((size + 4000000)) 2>/dev/null
awk 'BEGIN { for (i = 0; i < 1000000; i++) print i }' >many.labels
exits "a million" 2 "$LOCI" map many.npy
like "is told, with what it takes" "$err" "*1000000 vectors would take about * GB*-n 100000*-n 1000000*"
finish
