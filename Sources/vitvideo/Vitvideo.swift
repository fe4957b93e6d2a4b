import ArgumentParser

@main
struct Vitvideo: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "vitvideo")
}
