// Counts operator new in this process, in the library too: a program that links count_new.cpp.
#ifndef ATTUNE_TESTS_OPERATORS_COUNT_NEW_H
#define ATTUNE_TESTS_OPERATORS_COUNT_NEW_H

namespace attune::tests {

long news();  // calls so far

}  // namespace attune::tests
#endif
