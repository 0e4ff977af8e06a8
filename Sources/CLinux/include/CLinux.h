// Linux declarations that Swift's Glibc module lacks, and one-line wrappers for what it cannot import
// (variadic functions, _GNU_SOURCE declarations, function-like macros). No logic lives here.
#pragma once
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/types.h>
#include "CLinuxAttributes.h"
#include "CLinuxBlock.h"
#include "CLinuxChild.h"
#include "CLinuxFS.h"
#include "CLinuxMounts.h"
#include "CLinuxIO.h"
#include "CLinuxProcess.h"
#include "CLinuxQuota.h"
