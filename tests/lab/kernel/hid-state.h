/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Included by the HID gadget function. What is written to /dev/hidgN is the state of the chip's pins: the newest state
 * replaces one that the host has not fetched yet, and the state is what GET_REPORT answers, as with a real CM108.
 */

static void lab_hid_state(struct f_hidg *hidg, void *buffer, unsigned int length)
{
	unsigned long flags;

	memset(buffer, 0, length);
	spin_lock_irqsave(&hidg->write_spinlock, flags);
	memcpy(buffer, hidg->lab_state, min_t(unsigned int, length, sizeof(hidg->lab_state)));
	spin_unlock_irqrestore(&hidg->write_spinlock, flags);
}

static ssize_t lab_hid_write(struct file *file, const char __user *buffer, size_t count, loff_t *offset)
{
	struct f_hidg *hidg = file->private_data;
	unsigned char state[sizeof(hidg->lab_state)] = { };
	unsigned long flags;

	if (copy_from_user(state, buffer, min(count, sizeof(state))))
		return -EFAULT;
	spin_lock_irqsave(&hidg->write_spinlock, flags);
	memcpy(hidg->lab_state, state, sizeof(state));
	spin_unlock_irqrestore(&hidg->write_spinlock, flags);

	lab_hid_in(MINOR(hidg->dev.devt), state);
	if (hidg->write_pending)
		usb_ep_dequeue(hidg->in_ep, hidg->req);
	return f_hidg_write(file, buffer, count, offset);
}
