/* Hides instruction sets from one process, so that its libraries take the kernels of an older CPU.

   Loaded with LD_PRELOAD. The kernel is asked to trap CPUID (Linux 4.12, "cpuid_fault" among the
   flags of /proc/cpuinfo); each trapped one is answered as the CPU answers, less what
   IMGVEC_BENCH_MASK names: "avx512" leaves AVX-512 with VNNI and hides AMX, "avx2" hides both.
   What is hidden still runs: nothing is emulated, and nothing is slowed. */

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { FAULTING = 0x1012, FREE = 1, TRAPPED = 0 };

/* Bits of leaf 7, by name in Intel's manual, volume 2A, table of CPUID. */
static const unsigned AVX512_EBX = 1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31;
static const unsigned AVX512_ECX = 1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14;
static const unsigned AVX512_EDX = 1u << 2 | 1u << 3 | 1u << 8 | 1u << 23;
static const unsigned AMX_EDX = 1u << 22 | 1u << 24 | 1u << 25;
/* Of its first sub-leaf: AVX-VNNI and AVX512-BF16, AMX-FP16, and the later kinds of AVX-VNNI. */
static const unsigned VNNI_EAX = 1u << 4 | 1u << 5, AMX_EAX = 1u << 21;
static const unsigned VNNI_EDX = 1u << 4 | 1u << 5 | 1u << 10;

static int only_avx2;

static void answer(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *at = (const unsigned char *)registers[REG_RIP];
  if (at[0] != 0x0f || at[1] != 0xa2) { /* No CPUID, a fault like any other. */
    signal(SIGSEGV, SIG_DFL);
    return;
  }
  unsigned a, b, c, d, leaf = registers[REG_RAX], sub = registers[REG_RCX];
  syscall(SYS_arch_prctl, FAULTING, FREE);
  __cpuid_count(leaf, sub, a, b, c, d);
  syscall(SYS_arch_prctl, FAULTING, TRAPPED);
  if (leaf == 7 && sub == 0) {
    d &= ~AMX_EDX;
    if (only_avx2) b &= ~AVX512_EBX, c &= ~AVX512_ECX, d &= ~AVX512_EDX;
  } else if (leaf == 7 && sub == 1) {
    a &= ~AMX_EAX;
    if (only_avx2) a &= ~VNNI_EAX, d &= ~VNNI_EDX;
  }
  registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
  registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void mask(void) {
  const char *kept = getenv("IMGVEC_BENCH_MASK");
  only_avx2 = kept && !strcmp(kept, "avx2");
  struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, 0);
  if (syscall(SYS_arch_prctl, FAULTING, TRAPPED)) _exit(3);
}
