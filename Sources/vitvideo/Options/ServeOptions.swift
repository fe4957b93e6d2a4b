import ArgumentParser
import Glibc

/// Where `vitvideo serve` listens, and what it takes in.
struct ServeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Port to listen on; 0 for a free one.", valueName: "n"))
    var port: UInt16 = 8080

    @Option(
        help: ArgumentHelp(
            """
            IPv4 address to listen on, such as 0.0.0.0 for all of this machine's. Whoever has the printed address can \
            look at the files named here, and nobody between is kept from reading along.
            """, valueName: "address"))
    var host: String = "127.0.0.1"

    @Flag(help: "Open the page in the browser (xdg-open).")
    var open = false

    @Option(help: ArgumentHelp("Bytes that an upload may have: 200M, 2G.", valueName: "size"))
    var maxUpload = MemorySize(bytes: 1_000_000_000)
}
