/* lsa_titles.h: the nine titles of Deerwester et al. 1990 (table 2), as text and as the numbers of the paper's twelve terms. */
#ifndef LOCI_TESTS_LSA_TITLES_H
#define LOCI_TESTS_LSA_TITLES_H

#include <stdint.h>

static const char lsa_titles[] =
    "Human machine interface for Lab ABC computer applications\n"
    "A survey of user opinion of computer system response time\n"
    "The EPS user interface management system\n"
    "System and human system engineering testing of EPS\n"
    "Relation of user-perceived response time to error measurement\n"
    "The generation of random, binary, unordered trees\n"
    "The intersection graph of paths in trees\n"
    "Graph minors IV: Widths of trees and well-quasi-ordering\n"
    "Graph minors: A survey\n";

/* "word count", for loci_train_common.vocabulary. */
static const char lsa_title_words[] =
    "human 2\ninterface 2\ncomputer 2\nuser 3\nresponse 2\nsystem 4\ntime 2\neps 2\nsurvey 2\ntrees 3\ngraph 3\nminors "
    "2\n";

enum { LSA_HUMAN = 0, LSA_COMPUTER = 2, LSA_USER = 3, LSA_SYSTEM = 5, LSA_EPS = 7 };

static const int32_t lsa_title_ids[] = {0,  1,  2,  -1,            /* c1 */
                                        8,  3,  2,  5,  4,  6, -1, /* c2 */
                                        7,  3,  1,  5,  -1,        /* c3 */
                                        5,  0,  5,  7,  -1,        /* c4 */
                                        3,  4,  6,  -1,            /* c5 */
                                        9,  -1,                    /* m1 */
                                        10, 9,  -1,                /* m2 */
                                        10, 11, 9,  -1,            /* m3 */
                                        10, 11, 8,  -1};           /* m4 */

#endif
