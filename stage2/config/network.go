package config

// Network is the configuration of one interface.
type Network struct {
	Device      string   `json:"device,omitempty"`  // name, MAC, or "link" for the first with a link
	Method      string   `json:"method,omitempty"`  // of IPv4: "dhcp" or "static"; empty leaves it off
	Address     string   `json:"address,omitempty"` // CIDR: "192.0.2.5/24"
	Gateway     string   `json:"gateway,omitempty"`
	Nameservers []string `json:"nameservers,omitempty"`
	OnBoot      bool     `json:"onboot"`

	IPv6     string `json:"ipv6,omitempty"`      // "auto", "dhcp", "off", or CIDR: "2001:db8::5/64"; empty is auto
	Gateway6 string `json:"gateway6,omitempty"`  // --ipv6gateway
	ForceMAC bool   `json:"force_mac,omitempty"` // --bindto=mac: known by its MAC, whatever its name becomes

	Search         []string `json:"search,omitempty"`           // domains to complete host names with
	IgnoreAutoDNS  bool     `json:"ignore_auto_dns,omitempty"`  // name servers that DHCP offers are not used
	IgnoreAutoDNS6 bool     `json:"ignore_auto_dns6,omitempty"` // nor those of IPv6
	NoDNS          bool     `json:"no_dns,omitempty"`           // no name servers at all by this interface
	NoDefaultRoute bool     `json:"no_default_route,omitempty"`
	DHCPClass      string   `json:"dhcp_class,omitempty"` // vendor class that DHCP is asked with
	MTU            int      `json:"mtu,omitempty"`
	Ethtool        string   `json:"ethtool,omitempty"` // options of ethtool -s: "autoneg off speed 100"

	VLAN   *VLAN  `json:"vlan,omitempty"`
	Bond   *Ports `json:"bond,omitempty"`   // Device is the bond to be made
	Bridge *Ports `json:"bridge,omitempty"` // Device is the bridge to be made
}

// VLAN makes the configuration that of a VLAN upon Device.
type VLAN struct {
	ID   int    `json:"id"`             // 1 to 4094
	Name string `json:"name,omitempty"` // of the VLAN's interface; empty is DEVICE.ID
}

// Ports are what a bond or a bridge is made of.
type Ports struct {
	Devices []string `json:"devices"`
	Options []string `json:"options,omitempty"` // "mode=active-backup" of a bond, "stp=off" of a bridge
}

// Firewall says what the installed system lets in. The zero value leaves it as
// its packages make it.
type Firewall struct {
	Mode     string   `json:"mode,omitempty"`     // "enabled", "disabled"
	Trusted  []string `json:"trusted,omitempty"`  // interfaces from which everything may come
	Services []string `json:"services,omitempty"` // "ssh", by the names of services(5) or firewalld
	Removed  []string `json:"removed,omitempty"`  // services that may not come in, though they would by default
	Ports    []string `json:"ports,omitempty"`    // "443:tcp", "5000-5010:udp", "imap:tcp"
}
