package dialog

import "context"

// Field is one element of a page: Note, Text, Choice, Marks, Yes, Button or
// Table. Labels and hints are in the person's language already.
type Field interface{ isField() }

// Note is a text to read.
type Note struct {
	Text string
	Bad  bool // it warns
}

// Text is a line to type.
type Text struct {
	Key    string // unique on the page
	Label  string
	Hint   string
	Secret bool // a password: not shown
	Value  *string
	Check  func(string) error  // says while typing what is wrong; may be nil
	Remark func(string) string // a remark on what is typed, such as its strength; may be nil
}

// Choice is one of several. Long lists are searched by typing.
type Choice struct {
	Key     string
	Label   string
	Hint    string
	Options []Option
	Value   *string
	Changed func() // after another one was chosen; may be nil
}

// Marks is any number of several.
type Marks struct {
	Key     string
	Label   string
	Hint    string
	Options []Option
	Values  *[]string
	Hints   bool                 // the Hints of all Options matter, not only that of the one pointed at
	Check   func([]string) error // may be nil
}

// Option is what can be chosen.
type Option struct {
	Value string
	Label string
	Find  string // more words it is found by when searching
	Hint  string // more about it, shown while it is pointed at
}

// Yes is a question of yes or no.
type Yes struct {
	Key   string
	Label string
	Hint  string
	Value *bool
}

// Button does something when it is pressed.
type Button struct {
	Key   string
	Label string
	Do    Action
	Of    string // the Key of the Text whose Enter presses it; empty: none
}

// Action may take time. A page that it returns is shown above the one it is on,
// until it is left; then, and after any action, the fields are asked for anew.
type Action func(ctx context.Context) (*Page, error)

// Table is rows with things that can be done to them.
type Table struct {
	Key     string
	Label   string
	Hint    string
	Head    []string
	Rows    []Row
	Actions []RowAction // the first is also what Enter does
}

// Row is a line of a Table.
type Row struct {
	Key   string
	Cells []string
	Bad   string // what is wrong with it; empty: nothing
}

// RowAction is what can be done with a row, or with the table as a whole.
type RowAction struct {
	Key   string // of the keyboard: "a"; unique in the table
	Label string // "add"
	Whole bool   // it needs no row
	Do    func(ctx context.Context, row string) (*Page, error)
}

func (Note) isField()   {}
func (Text) isField()   {}
func (Choice) isField() {}
func (Marks) isField()  {}
func (Yes) isField()    {}
func (Button) isField() {}
func (Table) isField()  {}
