/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Included first by the HID gadget function: two functions that do nothing, for the kernel's trace to hold on to.
 * Out is what the host writes (PTT), in is what the chip's pins say (COS).
 */

static noinline void lab_hid_out(unsigned int hidg, const unsigned char *data)
{
	asm volatile("" : : "r" (hidg), "r" (data) : "memory");
}

static noinline void lab_hid_in(unsigned int hidg, const unsigned char *data)
{
	asm volatile("" : : "r" (hidg), "r" (data) : "memory");
}
