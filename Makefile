# What a person types. CMake underneath; ./demo and ./check do their own set-up and need no make.
BUILD ?= build

.PHONY: all demo test ci long bench asan tsan fuzz lint web install clean
all:
	scripts/setup build test
	cmake -S . -B $(BUILD) -DBUILD_TESTING=OFF
	cmake --build $(BUILD) -j $$(nproc)
demo:
	./demo
test:
	./check
ci:
	scripts/ci all
long:
	scripts/ci long
asan tsan fuzz lint:
	scripts/ci $@
bench:
	bench/run
web:
	scripts/web $(BUILD)
install: all
	cmake --install $(BUILD)
clean:
	rm -rf build build-*
