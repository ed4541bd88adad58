// Package layout works out what storage will be: from the disks of a machine,
// what is on them, and the answers of config.Storage it makes partition tables,
// the layers on partitions (RAID, LVM, encryption, btrfs) and the volumes on those.
//
// It is pure: it reads nothing and writes nothing. A disk that the answers don't
// name is in no result. Steps that carry a layout out are plan's.
package layout
