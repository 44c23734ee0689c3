from django.db import migrations

from backhaul.common.sql import tables_sql


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(tables_sql("operators"))]
