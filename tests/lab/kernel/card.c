// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * A sound card for a USB gadget of the lab.
 *
 * The emulated USB host carries no isochronous transfers, so a gadget cannot be a real USB sound card. This driver takes
 * the vendor-specific interface of a lab gadget and puts one of snd-aloop's cards below it: plugging the gadget brings
 * card, HID and serial port together, unplugging takes them all, and the card's sysfs parent is the fob's USB device.
 */

#include <linux/bitops.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/usb.h>

/* The platform ids of snd-aloop's devices; guest/devices gives them the names of real cards. */
#define FIRST_FOB 1
#define SECOND_FOB 2
#define AIOC 3

static unsigned long slots;

static const struct usb_device_id lab_card_ids[] = {
	{ USB_DEVICE_AND_INTERFACE_INFO(0x0d8c, 0x0012, USB_CLASS_VENDOR_SPEC, 0, 0), .driver_info = FIRST_FOB },
	{ USB_DEVICE_AND_INTERFACE_INFO(0x1209, 0x7388, USB_CLASS_VENDOR_SPEC, 0, 0), .driver_info = AIOC },
	{ }
};
MODULE_DEVICE_TABLE(usb, lab_card_ids);

static int lab_card_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	struct platform_device_info info = { .parent = &intf->dev, .name = "snd_aloop" };
	struct platform_device *card;

	info.id = id->driver_info;
	if (test_and_set_bit(info.id, &slots)) {
		if (info.id != FIRST_FOB || test_and_set_bit(SECOND_FOB, &slots))
			return -EBUSY;
		info.id = SECOND_FOB;
	}
	card = platform_device_register_full(&info);
	if (IS_ERR(card)) {
		clear_bit(info.id, &slots);
		return PTR_ERR(card);
	}
	usb_set_intfdata(intf, card);
	return 0;
}

/* Waits until the card's last user has closed it. */
static void lab_card_disconnect(struct usb_interface *intf)
{
	struct platform_device *card = usb_get_intfdata(intf);
	int id = card->id;

	platform_device_unregister(card);
	clear_bit(id, &slots);
}

static struct usb_driver lab_card_driver = {
	.name = "lab-card",
	.id_table = lab_card_ids,
	.probe = lab_card_probe,
	.disconnect = lab_card_disconnect,
};
module_usb_driver(lab_card_driver);

MODULE_DESCRIPTION("a loopback sound card below a USB gadget");
MODULE_LICENSE("Dual MIT/GPL");
