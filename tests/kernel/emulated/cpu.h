/* cpu.h - has kernel.c believe in a CPU that has everything: what it lacks is emulated. */
#ifndef TESTS_KERNEL_EMULATED_CPU_H
#define TESTS_KERNEL_EMULATED_CPU_H

#define __builtin_cpu_supports(feature) 1

#endif
