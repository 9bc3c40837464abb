/* explore/relations.c: pairs of English words in one relation, chosen by us: common words, in the kinds that the literature
 * asks about. They give every analogy the accuracy of its kind to stand beside.
 */
#include "explore.h"

typedef struct pair {
  const char *from, *to;
} pair;

static const pair gender[] = {
    {"man", "woman"},
    {"king", "queen"},
    {"boy", "girl"},
    {"father", "mother"},
    {"brother", "sister"},
    {"son", "daughter"},
    {"husband", "wife"},
    {"uncle", "aunt"},
    {"prince", "princess"},
    {"nephew", "niece"},
    {"grandfather", "grandmother"},
    {"actor", "actress"},
    {"he", "she"},
    {"his", "her"},
    {"duke", "duchess"},
    {"emperor", "empress"},
};
static const pair royalty[] = {
    {"man", "king"},      {"woman", "queen"},  {"boy", "prince"},
    {"girl", "princess"}, {"house", "palace"}, {"chair", "throne"},
};
static const pair capital[] = {
    {"france", "paris"},     {"italy", "rome"},       {"germany", "berlin"},   {"spain", "madrid"},
    {"england", "london"},   {"japan", "tokyo"},      {"greece", "athens"},    {"russia", "moscow"},
    {"egypt", "cairo"},      {"austria", "vienna"},   {"portugal", "lisbon"},  {"ireland", "dublin"},
    {"norway", "oslo"},      {"sweden", "stockholm"}, {"finland", "helsinki"}, {"poland", "warsaw"},
    {"hungary", "budapest"}, {"china", "beijing"},    {"cuba", "havana"},      {"iran", "tehran"},
};
static const pair nationality[] = {
    {"france", "french"},    {"italy", "italian"},       {"germany", "german"}, {"spain", "spanish"},
    {"japan", "japanese"},   {"greece", "greek"},        {"russia", "russian"}, {"egypt", "egyptian"},
    {"austria", "austrian"}, {"portugal", "portuguese"}, {"ireland", "irish"},  {"norway", "norwegian"},
    {"sweden", "swedish"},   {"poland", "polish"},       {"china", "chinese"},  {"mexico", "mexican"},
};
static const pair past[] = {
    {"walk", "walked"}, {"swim", "swam"},   {"go", "went"},       {"see", "saw"},    {"run", "ran"},
    {"write", "wrote"}, {"play", "played"}, {"think", "thought"}, {"fly", "flew"},   {"sing", "sang"},
    {"take", "took"},   {"give", "gave"},   {"speak", "spoke"},   {"buy", "bought"}, {"teach", "taught"},
    {"jump", "jumped"}, {"move", "moved"},  {"find", "found"},
};
static const pair comparative[] = {
    {"good", "better"}, {"fast", "faster"},   {"slow", "slower"},     {"big", "bigger"},  {"small", "smaller"},
    {"old", "older"},   {"young", "younger"}, {"strong", "stronger"}, {"weak", "weaker"}, {"high", "higher"},
    {"low", "lower"},   {"long", "longer"},   {"short", "shorter"},   {"hot", "hotter"},  {"cold", "colder"},
    {"bad", "worse"},   {"large", "larger"},  {"easy", "easier"},
};
static const pair plural[] = {
    {"cat", "cats"},    {"dog", "dogs"},     {"child", "children"}, {"man", "men"},
    {"woman", "women"}, {"house", "houses"}, {"city", "cities"},    {"mouse", "mice"},
    {"car", "cars"},    {"tree", "trees"},   {"foot", "feet"},      {"country", "countries"},
    {"book", "books"},  {"bird", "birds"},   {"horse", "horses"},   {"hand", "hands"},
};
static const pair opposite[] = {
    {"hot", "cold"},  {"good", "bad"},    {"big", "small"},  {"high", "low"},   {"long", "short"},     {"young", "old"},
    {"rich", "poor"}, {"strong", "weak"}, {"early", "late"}, {"light", "dark"}, {"easy", "difficult"}, {"happy", "sad"},
};

static const struct {
  const char *name;
  const pair *pairs;
  size_t n;
} relations[] = {
    {"male and female", gender, LOCI__COUNT(gender)},
    {"commoner and royalty", royalty, LOCI__COUNT(royalty)},
    {"country and capital", capital, LOCI__COUNT(capital)},
    {"country and nationality", nationality, LOCI__COUNT(nationality)},
    {"present and past", past, LOCI__COUNT(past)},
    {"adjective and comparative", comparative, LOCI__COUNT(comparative)},
    {"singular and plural", plural, LOCI__COUNT(plural)},
    {"opposites", opposite, LOCI__COUNT(opposite)},
};

size_t loci_relations(void) {
  return LOCI__COUNT(relations);
}

const char *loci_relation_name(size_t relation) {
  return relation < LOCI__COUNT(relations) ? relations[relation].name : NULL;
}

int loci_relation_pair(size_t relation, size_t i, const char **from, const char **to) {
  if (relation >= LOCI__COUNT(relations) || i >= relations[relation].n) return 0;
  *from = relations[relation].pairs[i].from;
  *to = relations[relation].pairs[i].to;
  return 1;
}
