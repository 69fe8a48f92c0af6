"""Values that the other rooms hand to each other. Nothing here touches the machine."""
