package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
)

// execFunc handles a statement that changes data; run lets the driver execute it.
type execFunc = func(query string, args []driver.NamedValue, run func() (driver.Result, error)) (driver.Result, error)

// spy is between database/sql and a driver, and may handle a statement differently.
type spy struct {
	driver driver.Driver
	dsn    string
	exec   execFunc
	query  func(query string, args []driver.NamedValue)
}

// spyOn opens the data with the spy in between.
func (d database) spyOn(t testing.TB, dsn string, s *spy) *sql.DB {
	t.Helper()
	s.driver, s.dsn = d.open(t, dsn).Driver(), dsn
	return closeLater(t, sql.OpenDB(s))
}

func (s *spy) Driver() driver.Driver { return s.driver }

func (s *spy) Connect(context.Context) (driver.Conn, error) {
	conn, err := s.driver.Open(s.dsn)
	return spied{conn, s}, err
}

type spied struct {
	driver.Conn
	spy *spy
}

func (c spied) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	run := func() (driver.Result, error) { return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args) }
	if c.spy.exec == nil {
		return run()
	}
	return c.spy.exec(query, args, run)
}

func (c spied) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.spy.query != nil {
		c.spy.query(query, args)
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c spied) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}
