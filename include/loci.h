/* loci.h: the whole public interface of libloci. See loci/core.h for the rules that hold in it. */
#ifndef LOCI_H
#define LOCI_H

#include "loci/align.h"
#include "loci/bias.h"
#include "loci/cluster.h"
#include "loci/collection.h"
#include "loci/core.h"
#include "loci/corpus.h"
#include "loci/diagnose.h"
#include "loci/eval.h"
#include "loci/explore.h"
#include "loci/map.h"
#include "loci/model.h"
#include "loci/project.h"
#include "loci/tokenizer.h"
#include "loci/train.h"
#include "loci/vectors.h"

#endif
